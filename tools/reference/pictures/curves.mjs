import { InferenceSession, Tensor } from "onnxruntime-node";

/** Values and slopes of a model at many places of one variable t. The model is exported as anybody's would
 * be, and run by stock onnxruntime-node, in float64.
 *
 * @param library softonnx
 * @param build makes the results of t, a Value [batch, 1], in an object: Values [batch] or [batch, 1] by name
 * @param places numbers for t
 * @param oneByOne with a batch of 1 at every place, for what has no batch
 * @returns { name: { value: [[t, y], …], slope: [[t, dy/dt], …] } } */
export async function curvesOf({ Graph, grad, reduceSum }, build, places, oneByOne = false) {
  const batch = oneByOne ? 1 : places.length;
  const graph = new Graph("picture");
  const t = graph.input("t", "float64", [batch, 1]);
  const results = Object.entries(build(t));
  for (const [name, result] of results) {
    const [slope] = grad(reduceSum(result), [t]);
    graph
      .output(`${name}.value`, result.reshape([batch]))
      .output(`${name}.slope`, slope.reshape([batch]));
  }
  const feeds = oneByOne ? [...places].map((place) => [place]) : [places];
  const found = await run(
    graph,
    feeds.map((each) => ({ t: new Tensor("float64", Float64Array.from(each), [batch, 1]) })),
  );
  const points = (output) => {
    const all = found.flatMap((result) => result[output]);
    return all.map((y, i) => [places[i], y]);
  };
  return Object.fromEntries(
    results.map(([name]) => [
      name,
      { value: points(`${name}.value`), slope: points(`${name}.slope`) },
    ]),
  );
}

/** The elements of a result that depends on nothing. */
export async function elementsOf({ Graph }, build) {
  const graph = new Graph("picture");
  graph.output("y", build(graph));
  const [{ y }] = await run(graph, [{}]);
  return y;
}

async function run(graph, feeds) {
  const session = await InferenceSession.create(graph.toModel());
  const found = [];
  try {
    for (const each of feeds) {
      const results = Object.entries(await session.run(each));
      found.push(Object.fromEntries(results.map(([name, { data }]) => [name, Array.from(data)])));
    }
  } finally {
    await session.release();
  }
  return found;
}

/** The middles of `count` parts from low to high: never a place like 0, where a curve may have a kink. */
export function spaced(low, high, count) {
  return Float64Array.from({ length: count }, (_, i) => low + ((high - low) * (i + 0.5)) / count);
}
