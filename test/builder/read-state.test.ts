import { Graph, grad, reduceMean } from "../../src/index.ts";
import { createSession, createStepper } from "../../src/node.ts";

/** A training step: least squares by gradient descent. */
function step(): Graph {
  const g = new Graph("line");
  const x = g.input("x", "float32", ["n", 2]);
  const y = g.input("y", "float32", ["n"]);
  const w = g.parameter("w", [0, 0]);
  const rate = g.parameter("rate", 0.1);
  const prediction = x.matmul(w);
  const loss = reduceMean(prediction.sub(y).square());
  const [dw] = grad(loss, [w]);
  g.output("loss", loss).output("prediction", prediction);
  return g.update(w, w.sub((dw as typeof w).mul(rate))).update(rate, rate.mul(0.9));
}

const feeds = {
  x: [
    [1, 2],
    [3, -1],
  ],
  y: [1, 2],
};
const state = { w: [0.5, -1], rate: 0.05 };

test("a training step read with its state is that step again", async () => {
  const again = Graph.fromModel(step().toModel(), { state });
  expect([...again.parameters.keys()]).toEqual(["w", "rate"]);
  expect([...again.outputs.keys()]).toEqual(["loss", "prediction"]);
  expect([...again.inputs.keys()]).toEqual(["x", "y"]);
  const walk = async (graph: Graph, start: typeof state) => {
    const stepper = await createStepper(graph, { state: start, backend: "cpu" });
    for (let i = 0; i < 3; i++) await stepper.step(feeds);
    const { w, rate } = await stepper.state();
    await stepper.dispose();
    return [w?.data, rate?.data];
  };
  expect(await walk(again, state)).toEqual(await walk(step(), state));
  // What it is written as is what it was read from, names included.
  const names = (graph: Graph) => [...Graph.fromModel(graph.toModel()).outputs.keys()];
  expect(names(again)).toEqual(names(step()));
});

test("a slice of it is an inference model with the state inside", async () => {
  const read = Graph.fromModel(step().toModel(), { state });
  const model = read.toModel({ outputs: { prediction: read.value("prediction") } });
  const session = await createSession(model, { backend: "cpu" });
  expect(session.inputs.map(({ name }) => name)).toEqual(["x"]);
  const { prediction } = await session.run({ x: feeds.x });
  await session.dispose();
  expect(prediction?.data).toEqual(Float32Array.of(-1.5, 2.5));
});

test("any input can become a parameter, and part of a state makes no training step", () => {
  const read = Graph.fromModel(step().toModel(), { state: { w: [1, 2] } });
  expect(read.updates.size).toBe(0);
  expect([...read.outputs.keys()]).toEqual(["loss", "prediction", "w.next", "rate.next"]);
});

test.each<[string, object, RegExp]>([
  ["a name that no input has", { v: 1 }, /fromModel: state: there is no input "v"/],
  ["another number of elements", { w: [1, 2, 3] }, /fromModel: state\.w: /],
  ["another shape", { w: { data: Float32Array.of(1, 2), dims: [2, 1] } }, /fromModel: state\.w: /],
])("refuses %s", (_, wrong, message) => {
  const bytes = step().toModel();
  expect(() => Graph.fromModel(bytes, { state: wrong as never })).toThrow(message);
});
