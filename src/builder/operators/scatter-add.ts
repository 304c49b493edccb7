import { type Definition, defineFamily, SOFTONNX_DOMAIN } from "../definition.ts";
import type { DType } from "../dtype.ts";
import type { Value } from "../value.ts";
import { add, max, sub } from "./arithmetic.ts";
import { loop } from "./control.ts";
import { range } from "./creation.ts";
import { cumSum } from "./cumulative.ts";
import { emitOne } from "./emit.ts";
import { cast, equal, greaterOrEqual, lessOrEqual, not, where } from "./logic.ts";
import { concat } from "./movement.ts";
import { reduceMax, topK } from "./reduction.ts";
import { reshape, unsqueeze } from "./reshape.ts";
import { asScalar, shape } from "./sizes.ts";
import { pad, slice } from "./slice.ts";

// In bare nodes: the functions of indexing.ts call this.
const gather = (x: Value, at: Value) => emitOne("Gather", [x, at]);
const nonZero = (x: Value) => emitOne("NonZero", [x]);

/** Rows with others added to them, for opsets in which no Scatter adds.
 *
 * @param x [n, m]
 * @param at [k], int64 from 0: rows of x, some perhaps several times
 * @param updates [k, m] */
export function addRows(x: Value, at: Value, updates: Value): Value {
  const definition = definitionFor(x.dtype);
  const { name, domain } = definition;
  const inputs = [x, at, updates];
  return x.graph.emit({ op: name, domain, inputs, operator: "scatterElements", definition })
    .outputs[0] as Value;
}

/** The updates are sorted by row; those of one row are summed in a number of rounds that is the logarithm
 * of how many there are, each adding the partial sum that ends 1, 2, 4, … before (Hillis and Steele 1986);
 * the last one of each row is then added to it, no row twice. */
function body([x, at, updates]: readonly Value[]): Value[] {
  const count = shape(at as Value);
  const { values: rows, indices: order } = topK(at as Value, count, { largest: false });
  const end = Number.POSITIVE_INFINITY;
  const changes = not(equal(slice(rows, 1, end), slice(rows, 0, -1)));
  const one = rows.graph.constant([true]);
  // A first entry that is there also where no row is given, and cut again.
  const begins = slice(concat([one, changes], { axis: 0 }), 0, count);
  const ends = slice(concat([changes, one], { axis: 0 }), 0, count);
  const zero = rows.graph.constant(0, "int64");
  const place = range(zero, asScalar(count));
  const group = sub(cumSum(cast(begins, "int64"), { axis: 0 }), 1);
  const rank = sub(place, gather(reshape(nonZero(begins), [-1]), group));
  const most = reduceMax(pad(rank, [[0, 1]]));
  const step = rows.graph.constant(1, "int64");
  const sorted = gather(updates as Value, order);
  const [sums] = loop(
    undefined,
    [sorted, step],
    (_, partial, distance) => {
      const before = gather(partial as Value, max(sub(place, distance as Value), 0));
      const same = unsqueeze(greaterOrEqual(rank, distance as Value), 1);
      const next = add(distance as Value, distance as Value);
      return {
        state: [add(partial as Value, where(same, before, 0)), next],
        proceed: lessOrEqual(next, most),
      };
    },
    { condition: lessOrEqual(step, most) },
  ) as [Value];
  const last = reshape(nonZero(ends), [-1]);
  const distinct = gather(rows, last);
  const totals = add(gather(x as Value, distinct), gather(sums, last));
  return [emitOne("ScatterND", [x as Value, unsqueeze(distinct, 1), totals])];
}

const made = new Map<DType, Definition>();

function definitionFor(dtype: DType): Definition {
  const known = made.get(dtype);
  if (known !== undefined) return known;
  const matrix = { dtype, shape: [undefined, undefined] };
  const definition: Definition = {
    name: `ScatterAdd_${dtype}`,
    domain: SOFTONNX_DOMAIN,
    version: 1,
    inputs: ["x", "at", "updates"],
    outputs: ["y"],
    life: "always",
    signature: [matrix, { dtype: "int64", shape: [undefined] }, matrix],
    infer: ([x]) => [{ dtype, shape: (x as Value).shape }],
    body,
    vjp: ({ dy, input }) => [dy, undefined, gather(dy, input(1))],
  };
  made.set(dtype, definition);
  return definition;
}

const TYPES: readonly DType[] = ["float32", "float64", "float16"];

defineFamily("ScatterAdd", 1, (name) => {
  const dtype = TYPES.find((each) => name === `ScatterAdd_${each}`);
  return dtype && definitionFor(dtype);
});
