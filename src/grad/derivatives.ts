import { sizeOfShape } from "../builder/dim.ts";
import { failArgument, GraphError } from "../builder/errors.ts";
import type { Graph } from "../builder/graph.ts";
import { type Operand, requireValue } from "../builder/lift.ts";
import {
  cast,
  concat,
  equal,
  gather,
  loop,
  moveAxis,
  multiplySizes,
  onesLike,
  range,
  reshape,
  sizeOf,
  sizesOf,
  unsqueeze,
  zerosLike,
} from "../builder/operators/index.ts";
import type { Size } from "../builder/operators/sizes.ts";
import type { Value } from "../builder/value.ts";
import { reshapeLike } from "./broadcast.ts";
import {
  fitting,
  type GradOptions,
  grad,
  type OneEach,
  requireFloat,
  requireResults,
  vjp,
} from "./reverse.ts";

/** Up to so many rows or columns of a Jacobian are written out; more are gone through by a Loop. */
const MOST_WRITTEN_OUT = 4;

/** Fewer columns than this are gone through rather than rows whose number is not known. */
const FEW_COLUMNS = 32;

/** The Jacobian-vector product, forward mode: how the ys change with the step `tangents` of the xs, to
 * first order.
 *
 * ```ts
 * const [dy] = jvp(softmax(x), [x], [direction]);
 * ```
 * It is the vector-Jacobian product twice (which is linear in its cotangent, so its own gradient by that
 * is the product with the Jacobian): what was only needed for the first one is not in the model.
 * @param ys one floating value or several, of any shape
 * @param xs as for `grad`
 * @param tangents one for each x, with its shape; a number stands for a tensor filled with it
 * @returns one value for each y, of its type and shape
 * @throws GraphError if a tangent does not fit its x, or naming every operator that has no rule */
export function jvp(
  ys: Value | readonly Value[],
  xs: readonly Value[],
  tangents: readonly Operand[],
  options: GradOptions = {},
): Value[] {
  const values = requireResults("jvp", ys);
  const steps = stepsOf("jvp", "tangents", xs, tangents);
  const cotangents = values.map(placeholderLike);
  return vjp(vjp(values, xs, cotangents, options), cotangents, steps, options);
}

/** The product of the Hessian of a scalar with a vector: how the gradient changes with the step `vectors`
 * of the xs. It costs about as much as two gradients, and never holds the Hessian.
 *
 * ```ts
 * const [curvature] = hessianVectorProduct(loss, [w], [direction]);
 * ```
 * @param y a floating value of one element
 * @param vectors one for each x, with its shape; a number stands for a tensor filled with it
 * @returns one value for each x, of its type and shape
 * @throws GraphError as `grad` does, or if a vector does not fit its x */
export function hessianVectorProduct<Xs extends readonly Value[] | []>(
  y: Value,
  xs: Xs,
  vectors: readonly Operand[],
  options: GradOptions = {},
): OneEach<Xs> {
  const gradients: readonly Value[] = grad(y, xs, options);
  // The Hessian is symmetric: its product with a vector is the vector's with it.
  return vjp(gradients, xs, stepsOf("hessianVectorProduct", "vectors", xs, vectors), options);
}

/** All partial derivatives of y by each x.
 *
 * ```ts
 * const [J] = jacobian(softmax(x), [x]); // J[i, j]: how y[i] changes with x[j]
 * ```
 * By rows (a gradient for each element of y) or by columns (a `jvp` for each element of the xs), whichever
 * are fewer; few are written out, many are gone through by a Loop. Where y has a row for each example of a
 * batch, `perExampleGrads` costs far less.
 * @param y a floating value whose rank is known
 * @param xs as for `grad`, ranks known
 * @returns one value for each x, of shape `[...y.shape, ...x.shape]`
 * @throws GraphError as `vjp` does, or if a rank is not known */
export function jacobian<Xs extends readonly Value[] | []>(
  y: Value,
  xs: Xs,
  options: GradOptions = {},
): OneEach<Xs> {
  requireRank("jacobian", "y", y);
  if (!Array.isArray(xs)) failArgument("jacobian", "xs", "a list of Values", xs);
  for (const [i, x] of xs.entries()) requireRank("jacobian", `xs[${i}]`, x);
  const build = hasFewerColumns(y, xs) ? byColumns : byRows;
  return y.graph.operation("jacobian", () => build(y, xs, options)) as OneEach<Xs>;
}

/** All second partial derivatives of a scalar.
 *
 * ```ts
 * const H = hessian(loss, w);
 * ```
 * @param y a floating value of one element
 * @param x as for `grad`, its rank known
 * @returns of shape `[...x.shape, ...x.shape]`
 * @throws GraphError as `grad` does, or if the rank is not known */
export function hessian(y: Value, x: Value, options: GradOptions = {}): Value {
  requireRank("hessian", "x", x);
  return y.graph.operation("hessian", () => {
    const [gradient] = grad(y, [x], options) as [Value];
    return byRows(gradient, [x], options)[0] as Value;
  });
}

/** The gradients of a loss for each example of a batch by itself: what clipping by example, influence
 * functions and Fisher matrices are made of. Each costs one gradient of one example.
 *
 * ```ts
 * const [dw] = perExampleGrads([X, y], ([x, t]) => square(matmul(x, w).sub(t)), [w]); // [n, ...w.shape]
 * ```
 * @param examples values with the same first size, by whose slices the examples are told apart
 * @param loss makes the scalar loss of one example of its slices. It may read any value from outside.
 * @param xs what to differentiate by: values from outside, not the slices
 * @returns one value for each x, of shape `[examples, ...x.shape]`
 * @throws GraphError as `grad` does, or if an example has no first axis */
export function perExampleGrads<Xs extends readonly Value[] | []>(
  examples: readonly Value[],
  loss: (slices: Value[]) => Value,
  xs: Xs,
  options: GradOptions = {},
): OneEach<Xs> {
  const [first] = examples;
  if (first === undefined) failArgument("perExampleGrads", "examples", "at least one", examples);
  for (const [i, example] of examples.entries()) {
    requireRank("perExampleGrads", `examples[${i}]`, example);
    if (example.rank === 0) {
      failArgument("perExampleGrads", `examples[${i}]`, "a value with a first axis", example);
    }
  }
  const grads = first.graph.operation("perExampleGrads", () =>
    stacked(first.graph, sizeOf(first, 0), (i) => {
      const slices = examples.map((example) => gather(example, i));
      return grad(loss(slices), xs, options);
    }),
  );
  return grads as OneEach<Xs>;
}

function hasFewerColumns(y: Value, xs: readonly Value[]): boolean {
  const rows = sizeOfShape(y.shape ?? []);
  let columns = 0;
  for (const x of xs) {
    const size = sizeOfShape(x.shape ?? []);
    if (typeof size !== "number") return false;
    columns += size;
  }
  return columns < (typeof rows === "number" ? rows : FEW_COLUMNS);
}

function byRows(y: Value, xs: readonly Value[], options: GradOptions): Value[] {
  const rows = stacked(y.graph, elementsOf(y), (i) => vjp(y, xs, oneHot(y, i), options));
  return rows.map((row, k) => reshape(row, [...sizesOf(y), ...sizesOf(xs[k] as Value)]));
}

function byColumns(y: Value, xs: readonly Value[], options: GradOptions): Value[] {
  return xs.map((x) => {
    const [columns] = stacked(y.graph, elementsOf(x), (i) =>
      jvp(y, [x], [oneHot(x, i)], options),
    ) as [Value];
    return reshape(moveAxis(columns, 0, -1), [...sizesOf(y), ...sizesOf(x)]);
  });
}

/** What `make` makes for each number below a count, stacked along a new first axis. */
function stacked(graph: Graph, count: Size, make: (i: Value) => readonly Value[]): Value[] {
  if (typeof count === "number" && count <= MOST_WRITTEN_OUT && count > 0) {
    const rows = Array.from({ length: count }, (_, i) => make(graph.constant(i, "int64")));
    return (rows[0] ?? []).map((_, k) =>
      concat(
        rows.map((row) => unsqueeze(row[k] as Value, 0)),
        { axis: 0 },
      ),
    );
  }
  const rounds = typeof count === "number" ? graph.constant(count, "int64") : count;
  return loop(rounds, [], (i) => ({
    state: [],
    collect: graph.outsideWherePossible(() => make(i)),
  }));
}

function elementsOf(x: Value): Size {
  return sizesOf(x).reduce<Size>(multiplySizes, 1);
}

/** One in the place of element i, zeros elsewhere, in the shape of x. */
function oneHot(x: Value, i: Value): Value {
  const count = elementsOf(x);
  if (count === 1) return onesLike(x);
  return reshapeLike(cast(equal(range(x.graph.constant(0, "int64"), count), i), x.dtype), x);
}

/** A value of the type and shape of x that is no other: what depends on it depends on nothing else. */
function placeholderLike(x: Value): Value {
  const node = x.graph.append({
    op: "Identity",
    domain: "",
    inputs: [zerosLike(x)],
    attributes: {},
    normal: {},
    definition: undefined,
    types: [{ dtype: x.dtype, shape: x.shape }],
    hints: ["cotangent"],
  });
  return node.outputs[0] as Value;
}

function stepsOf(
  operator: string,
  argument: string,
  xs: readonly Value[],
  given: readonly Operand[],
): Value[] {
  if (!Array.isArray(xs)) failArgument(operator, "xs", "a list of Values", xs);
  if (!Array.isArray(given) || given.length !== xs.length) {
    failArgument(operator, argument, `${xs.length}, one for each x`, given);
  }
  return (given as readonly Operand[]).map((step, i) => {
    const x = requireFloat(operator, `xs[${i}]`, xs[i]);
    return fitting(operator, `${argument}[${i}]`, step, x);
  });
}

function requireRank(operator: string, argument: string, value: unknown): void {
  const checked = requireValue(operator, argument, value);
  if (checked.shape !== undefined) return;
  throw new GraphError(operator, `${argument}: the rank of ${checked} must be known`);
}
