import {
  gradReplace,
  identity,
  type Mode,
  soft,
  st,
  stopGradient,
  straightThrough,
  type Value,
} from "softonnx";

/** An argument of a golden case, its tensors made values of a graph. */
export type Argument = Value | number | boolean | string | null | readonly number[];

export type Arguments = Readonly<Record<string, Argument>>;

type Result = readonly (Value | undefined)[];

/** The arguments that stand in front of the options, by golden name; a unary operator has just x. */
const POSITIONAL: Readonly<Record<string, readonly string[]>> = {
  clamp: ["x", "a", "b"],
  greater: ["x", "y"],
  greater_equal: ["x", "y"],
  less: ["x", "y"],
  less_equal: ["x", "y"],
  eq: ["x", "y"],
  not_equal: ["x", "y"],
  isclose: ["x", "y"],
  logical_and: ["x", "y"],
  logical_or: ["x", "y"],
  logical_xor: ["x", "y"],
  where: ["condition", "x", "y"],
  take_along_dim: ["x", "soft_index"],
  take: ["x", "soft_index"],
  index_select: ["x", "soft_index", "dim"],
  narrow: ["x", "soft_start", "length"],
  topk: ["x", "k"],
  quantile: ["x", "q"],
  argquantile: ["x", "q"],
};

/** Operators that return (values, soft indices) there, and here the values alone; the indices are what
 * the second operator returns. */
const INDEX_OF: Readonly<Record<string, string>> = {
  max: "argmax",
  min: "argmin",
  sort: "argsort",
  median: "argmedian",
  quantile: "argquantile",
};

/** Options of the reference that say which results to return; here the caller asks for them. */
const RETURNS = ["return_indices", "return_argquantile"];

/** Options that only the values have, and that only the soft indices have. */
const OF_VALUES = ["gated_grad"];
const OF_INDICES = ["return_log_probs", "log_prob_eps"];

/** Applies the operator of a golden case through the public API.
 *
 * @param op the golden name: `take_along_dim`, `sort_st`, `st:rule`, `grad_replace:round/identity`
 * @param returned for each result of the reference whether it returned one
 * @returns those results in order */
export function call(op: string, args: Arguments, returned: readonly boolean[]): Result {
  if (op === "st:rule") return [rule(args)];
  if (op.startsWith("grad_replace:")) return [replaced(op.slice("grad_replace:".length), args)];
  if (op.endsWith("_st")) return applied("st", op.slice(0, -"_st".length), args, returned);
  return applied("soft", op, args, returned);
}

/** Methods without soft indices. With their straight-through values the reference returns hard ones. */
const VALUES_ONLY = ["fast_soft_sort", "smooth_sort", "sorting_network"];

function hardIndices(op: string, args: Arguments): Value {
  const hard = { ...without(args, [...OF_VALUES, "method"]), mode: "hard" };
  const found = invoke("soft", op, hard) as Value | { readonly indices: Value };
  return "indices" in found ? found.indices : found;
}

type Library = "soft" | "st";

function applied(
  library: Library,
  op: string,
  args: Arguments,
  returned: readonly boolean[],
): Result {
  if (op === "topk") {
    const { values, indices } = invoke(library, op, args) as {
      readonly values: Value;
      readonly indices?: Value;
    };
    const both = [values, indices ?? (returned[1] ? hardIndices("topk", args) : undefined)];
    return both.filter((_, i) => returned[i]);
  }
  const argOp = INDEX_OF[op];
  if (argOp === undefined) return [invoke(library, op, args) as Value];
  const values = invoke(library, op, without(args, OF_INDICES)) as Value;
  if (!returned[1]) return [values];
  if (VALUES_ONLY.includes(`${args.method}`)) return [values, hardIndices(argOp, args)];
  const indices = invoke(library, argOp, without(args, OF_VALUES)) as Value;
  // The reference returns the very index it cut from the graph to form the values.
  return [values, args.gated_grad === false ? stopGradient(indices) : indices];
}

/** `soft.takeAlongDim(x, softIndex, { dim })` of `take_along_dim` and its named arguments. */
function invoke(library: Library, op: string, args: Arguments): unknown {
  const functions = (library === "soft" ? soft : st) as unknown as Readonly<
    Record<string, ((...args: unknown[]) => unknown) | undefined>
  >;
  const name = camelCase(op);
  const apply = functions[name];
  if (apply === undefined) throw new Error(`${library}.${name} does not exist`);
  const positional = POSITIONAL[op] ?? ["x"];
  const rest = Object.entries(without(args, [...positional, ...RETURNS]));
  const options = Object.fromEntries(
    rest.map(([key, value]) => [camelCase(key), key === "method" ? camelCase(`${value}`) : value]),
  );
  const operands = positional.map((key) => args[key]);
  return rest.length === 0 ? apply(...operands) : apply(...operands, options);
}

/** Whether any element of a row lies between two bounds, forward hard and backward in the soft mode. */
function rule(args: Arguments): Value {
  const { x, lo, hi, ...options } = args as {
    readonly x: Value;
    readonly lo: Value;
    readonly hi: Value;
    readonly mode?: Mode;
    readonly softness?: number;
  };
  const inside = straightThrough((low: Value, high: Value, how: typeof options) =>
    soft.any(soft.logicalAnd(soft.greater(x, low, how), soft.less(x, high, how)), { dim: -1 }),
  );
  return inside(lo, hi, options);
}

/** The forward value of one operator with the gradient of another. */
function replaced(pair: string, args: Arguments): Value {
  const [forward, backward] = pair.split("/") as [string, string];
  const pick = gradReplace((x: Value, how: { readonly forward?: boolean } = {}) =>
    one(how.forward ? forward : backward, x, args),
  );
  return pick(args.x as Value);
}

function one(name: string, x: Value, args: Arguments): Value {
  const how = args.softness === undefined ? {} : { softness: args.softness as number };
  switch (name) {
    case "identity":
      return identity(x);
    case "round":
      return soft.round(x, { mode: "hard" });
    case "heaviside":
      return soft.heaviside(x, { mode: "hard" });
    case "sort":
      return soft.sort(x, { mode: "hard" });
    case "sigmoidal":
      return soft.sigmoidal(x, how);
    case "neuralsort":
      return soft.sort(x, { ...how, method: "neuralsort" });
    default:
      throw new Error(`no operator for grad_replace:${name}`);
  }
}

function without(args: Arguments, names: readonly string[]): Arguments {
  return Object.fromEntries(Object.entries(args).filter(([name]) => !names.includes(name)));
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
