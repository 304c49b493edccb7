import { GraphError } from "../builder/errors.ts";
import { isValue } from "../builder/lift.ts";
import { passThrough } from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";
import type { Mode } from "./options.ts";

/** What functions of a mode may give: a Value, or Values in arrays and objects. */
export type Result = Value | undefined | readonly Result[] | { readonly [name: string]: Result };

/** Makes the straight-through form of a function whose last argument is an object of options with a
 * `mode`: forward exactly what it gives for mode "hard", backward the gradient of the mode asked for.
 *
 * ```ts
 * const classify = straightThrough((x: Value, lo: Value, hi: Value, options: { mode?: Mode }) =>
 *   soft.any(soft.logicalAnd(soft.greater(x, lo, options), soft.less(x, hi, options))));
 * const labels = classify(x, lo, hi, { mode: "c1" });
 * ```
 * An inference export keeps the hard branch alone. Source: Bengio, Léonard and Courville 2013 (arXiv
 * 1308.3432), section 4.
 * @param fn gives Values, also in arrays and objects
 * @throws GraphError (when called) if the two branches differ in shape, type or structure */
export function straightThrough<Arguments extends readonly unknown[], Given>(
  fn: (...args: Arguments) => Given,
): (...args: Arguments) => Given {
  return (...args) => {
    const { leading, options } = splitOptions(args);
    const call = fn as unknown as (...args: unknown[]) => Given;
    const hard = call(...leading, { ...options, mode: "hard" satisfies Mode });
    return merge("straightThrough", hard, call(...leading, options));
  };
}

/** Makes a function of two: forward exactly what `fn` gives for `forward: true`, backward the gradient of
 * what it gives for `forward: false`. The options are its last argument.
 *
 * ```ts
 * const quantize = gradReplace((x: Value, { forward }: { forward?: boolean }) =>
 *   forward ? soft.round(x, { mode: "hard" }) : x);
 * ```
 * @param fn gives Values, also in arrays and objects
 * @throws GraphError (when called) if the two branches differ in shape, type or structure */
export function gradReplace<Arguments extends readonly unknown[], Given>(
  fn: (...args: Arguments) => Given,
): (...args: Arguments) => Given {
  return (...args) => {
    const { leading, options } = splitOptions(args);
    const call = fn as unknown as (...args: unknown[]) => Given;
    const forward = call(...leading, { ...options, forward: true });
    return merge("gradReplace", forward, call(...leading, { ...options, forward: false }));
  };
}

/** The last argument if it holds options, and those before it. */
function splitOptions(args: readonly unknown[]): { leading: unknown[]; options: object } {
  const last = args.at(-1);
  if (args.length > 0 && last === undefined) return { leading: args.slice(0, -1), options: {} };
  const plain =
    typeof last === "object" &&
    last !== null &&
    !isValue(last) &&
    !Array.isArray(last) &&
    !ArrayBuffer.isView(last);
  return plain
    ? { leading: args.slice(0, -1), options: last }
    : { leading: [...args], options: {} };
}

function merge<Given>(operator: string, hard: Given, soft: Given): Given {
  if (isValue(hard) && isValue(soft)) return passThrough(hard, soft) as Given;
  if (hard === undefined && soft === undefined) return hard;
  if (Array.isArray(hard) && Array.isArray(soft) && hard.length === soft.length) {
    return hard.map((one, i) => merge(operator, one, soft[i])) as Given;
  }
  if (isRecord(hard) && isRecord(soft)) {
    const names = Object.keys(hard);
    if (names.length === Object.keys(soft).length && names.every((name) => name in soft)) {
      return Object.fromEntries(
        names.map((name) => [name, merge(operator, hard[name], soft[name])]),
      ) as Given;
    }
  }
  throw new GraphError(operator, "the two branches must give Values in the same structure");
}

function isRecord(given: unknown): given is Readonly<Record<string, unknown>> {
  return typeof given === "object" && given !== null && !Array.isArray(given) && !isValue(given);
}
