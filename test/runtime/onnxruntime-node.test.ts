import { InferenceSession, Tensor as PeerTensor } from "onnxruntime-node";
import { Graph } from "../../src/index.ts";
import { Tensor } from "../../src/node.ts";

function negation(): Graph {
  const g = new Graph("negation");
  return g.output("y", g.input("x", "float32", [1]).neg());
}

test("Tensor is the class of onnxruntime-node's own tensors", async () => {
  expect(Tensor).toBe(PeerTensor);
  const session = await InferenceSession.create(negation().toModel());
  const { y } = await session.run({ x: new Tensor("float32", [1], [1]) });
  expect(y).toBeInstanceOf(Tensor);
});

test("where onnxruntime-node is not installed, one sentence says what to do", async () => {
  jest.resetModules();
  jest.doMock("node:module", () => ({
    ...jest.requireActual<typeof import("node:module")>("node:module"),
    createRequire: requireWithout("onnxruntime-node"),
  }));
  const { createSession, createStepper, evaluate, nativeStatus } = await import(
    "../../src/node.ts"
  );
  const g = negation();
  const sentence = "running models needs onnxruntime-node: npm i onnxruntime-node";
  await expect(createSession(g)).rejects.toThrow(sentence);
  await expect(createStepper(g)).rejects.toThrow(sentence);
  await expect(evaluate(g.value("y"), { x: [1] })).rejects.toThrow(sentence);
  expect(nativeStatus().available).toBe(false);
});

/** A createRequire whose functions do not find one package. */
function requireWithout(name: string) {
  const { createRequire } = jest.requireActual<typeof import("node:module")>("node:module");
  return (file: string | URL) => {
    const found = createRequire(file);
    const check = (id: string) => {
      if (id === name || id.startsWith(`${name}/`)) throw new Error(`Cannot find module '${id}'`);
      return id;
    };
    return Object.assign((id: string) => found(check(id)), {
      resolve: (id: string) => found.resolve(check(id)),
    });
  };
}
