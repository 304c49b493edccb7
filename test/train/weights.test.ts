import { Graph, grad, losses, type Operand, type Value } from "../../src/index.ts";
import { evaluate } from "../../src/node.ts";

type Weighted = (x: Value, rows: readonly number[], weights?: Operand) => Value;

const SCORES = [0.3, -1.2, 2.5, 0.31, -0.4];
const TARGETS = [1, -1, 1, 0.5, -1];
const LABELS = [1, 0, 1, 0, 1];
const CLASSES = [0, 2, 1, 1, 0];

const pick = (list: readonly number[], rows: readonly number[]) =>
  rows.map((row) => list[row] as number);
const given = (weights?: Operand) => (weights === undefined ? {} : { weights });

/** Three scores of each sample. */
const logits = (x: Value) =>
  x
    .unsqueeze(1)
    .mul([[1, -0.5, 0.2]])
    .add([[0, 0.4, 0.1]]);

/** Each loss of samples, and softAuc, whose pairs count as often as their weights say. */
const ofSamples: Readonly<Record<string, Weighted>> = {
  mse: (x, rows, w) => losses.mse(x, pick(TARGETS, rows), given(w)),
  mae: (x, rows, w) => losses.mae(x, pick(TARGETS, rows), given(w)),
  huber: (x, rows, w) => losses.huber(x, pick(TARGETS, rows), { delta: 0.7, ...given(w) }),
  pinball: (x, rows, w) => losses.pinball(x, pick(TARGETS, rows), { quantile: 0.2, ...given(w) }),
  softPinball: (x, rows, w) =>
    losses.pinball(x, pick(TARGETS, rows), { mode: "smooth", ...given(w) }),
  crossEntropy: (x, rows, w) =>
    losses.crossEntropy(logits(x), pick(CLASSES, rows), { labelSmoothing: 0.1, ...given(w) }),
  binaryCrossEntropy: (x, rows, w) => losses.binaryCrossEntropy(x, pick(LABELS, rows), given(w)),
  hinge: (x, rows, w) => losses.hinge(x, pick(TARGETS, rows), given(w)),
  topkCrossEntropy: (x, rows, w) =>
    losses.topkCrossEntropy(logits(x), pick(CLASSES, rows), [0.5, 0.5], given(w)),
  softAuc: (x, rows, w) => losses.softAuc(x, pick(LABELS, rows), given(w)),
};

/** Those in which a sample has a place among the others. */
const ofLists: Readonly<Record<string, Weighted>> = {
  softSpearman: (x, rows, w) => losses.softSpearman(x, pick(TARGETS, rows), given(w)),
  softNdcg: (x, rows, w) => losses.softNdcg(x, pick(LABELS, rows), given(w)),
  softPrecisionAtK: (x, rows, w) => losses.softPrecisionAtK(x, pick(LABELS, rows), 2, given(w)),
  softRecallAtK: (x, rows, w) => losses.softRecallAtK(x, pick(LABELS, rows), 2, given(w)),
  trimmedLeastSquares: (x, rows, w) =>
    losses.trimmedLeastSquares(x, pick(TARGETS, rows), 3, given(w)),
};

const ALL = [0, 1, 2, 3, 4];

/** The loss and its gradient by the scores. */
async function lossOf(loss: Weighted, rows: readonly number[], weights?: readonly number[]) {
  const g = new Graph("weights");
  const x = g.parameter("x", Float64Array.from(pick(SCORES, rows)));
  const w = weights === undefined ? undefined : g.constant(Float64Array.from(weights));
  const value = loss(x, rows, w);
  const [dx] = grad(value, [x]) as [Value];
  const results = await evaluate({ value, dx });
  return {
    value: results.value.data[0] as number,
    dx: Array.from(results.dx.data as Float64Array),
  };
}

test("there is no other loss", () => {
  const tested = [...Object.keys(ofSamples), ...Object.keys(ofLists)];
  const missing = Object.keys(losses).filter((name) => !tested.includes(name));
  expect(missing).toEqual([]);
});

describe("weights of 1 change nothing in", () => {
  test.each(Object.entries({ ...ofSamples, ...ofLists }))("%s", async (_, loss) => {
    const [plain, ones] = [await lossOf(loss, ALL), await lossOf(loss, ALL, [1, 1, 1, 1, 1])];
    expect(ones.value).toBeCloseTo(plain.value, 12);
    for (const [i, value] of plain.dx.entries()) expect(ones.dx[i]).toBeCloseTo(value, 12);
    const other = await lossOf(loss, ALL, [1, 2, 0.5, 3, 1]);
    expect(Math.abs(other.value - plain.value)).toBeGreaterThan(1e-4);
  });
});

describe("a weight of 2 is the sample twice, and a weight of 0 none, in", () => {
  test.each(Object.entries(ofSamples))("%s", async (_, loss) => {
    const weighted = await lossOf(loss, ALL, [1, 2, 3, 0, 1]);
    const repeated = await lossOf(loss, [0, 1, 1, 2, 2, 2, 4]);
    expect(weighted.value).toBeCloseTo(repeated.value, 12);
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, h = 0] = repeated.dx;
    const sums = [a, b + c, d + e + f, 0, h];
    for (const [i, value] of sums.entries()) expect(weighted.dx[i]).toBeCloseTo(value, 12);
  });
});

describe("gradients go by the weights in", () => {
  test.each(Object.entries({ ...ofSamples, ...ofLists }))("%s", async (_, loss) => {
    const g = new Graph("differences");
    const x = g.parameter("x", Float64Array.from(SCORES));
    const value = loss(x, ALL, g.constant(Float64Array.from([1, 2, 0.5, 3, 1])));
    const [dx] = grad(value, [x]) as [Value];
    const slopes = Array.from((await evaluate(dx)).data as Float64Array);
    const h = 1e-6;
    for (const [i, slope] of slopes.entries()) {
      const at = async (step: number) => {
        const moved = Float64Array.from(SCORES, (score, j) => score + (i === j ? step : 0));
        return (await evaluate(value, { x: moved })).data[0] as number;
      };
      expect(slope).toBeCloseTo(((await at(h)) - (await at(-h))) / (2 * h), 6);
    }
  });
});
