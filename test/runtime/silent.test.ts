import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { customGradient, Graph, grad, loop, reduceSum, stopGradient } from "../../src/index.ts";
import { complaints } from "../support/silent.ts";

test("every kind of model that is exported loads in stock ONNX Runtime without a word", () => {
  expect(
    complaints({
      "training step": trainingStep().toModel(),
      "slice with initialisers": slice(),
      "slice with parameters as inputs": slice({ parameters: "inputs" }),
      "symbolic and float64": symbolic(),
      loop: looping(),
      "gradient-only operators": gradientOnly(),
    }),
  ).toEqual({
    "training step": "",
    "slice with initialisers": "",
    "slice with parameters as inputs": "",
    "symbolic and float64": "",
    loop: "",
    "gradient-only operators": "",
  });
});

test("complaints are heard", () => {
  const broken = complaints({ broken: new Uint8Array([1, 2, 3]), fine: slice() });
  expect(broken.broken).toMatch(/protobuf/i);
  expect(broken.fine).toBe("");
});

test("warnings are heard: a graph input that is an initialiser as well", () => {
  const g = new Graph("shadowed");
  const y = g.input("x", "float32", [2]).add(g.parameter("w", [1, 2]));
  const model = fromBinary(ModelProtoSchema, g.toModel({ outputs: { y }, parameters: "inputs" }));
  const other = fromBinary(ModelProtoSchema, g.toModel({ outputs: { y } }));
  model.graph?.initializer.push(...(other.graph?.initializer ?? []));
  const shadowed = toBinary(ModelProtoSchema, model);
  expect(complaints({ shadowed }).shadowed).toMatch(/Initializer w appears in graph inputs/);
});

function trainingStep(): Graph {
  const g = new Graph("step");
  const x = g.input("x", "float32", ["n", 3]);
  const y = g.input("y", "float32", ["n"]);
  const w = g.parameter("w", [0, 0, 0]);
  const loss = x.matmul(w).sub(y).square().mean();
  const [dw] = grad(loss, [w]);
  return g.output("loss", loss).update(w, w.sub(dw?.mul(0.1) ?? 0));
}

function slice(options: { parameters?: "inputs" } = {}): Uint8Array {
  const g = trainingStep();
  return g.toModel({ outputs: { prediction: g.value("x").matmul(g.value("w")) }, ...options });
}

function symbolic(): Uint8Array {
  const g = new Graph("symbolic");
  const x = g.input("x", "float64", ["n", "m"]);
  const loss = reduceSum(x.sigmoid().mul(x.exp()));
  const [dx] = grad(loss, [x]);
  return g.output("dx", dx as never).toModel();
}

function looping(): Uint8Array {
  const g = new Graph("loop");
  const x = g.input("x", "float32", [2]);
  const [y] = loop(3, [x], (_, value) => [value.mul(2)]);
  return g.output("y", y as never).toModel();
}

function gradientOnly(): Uint8Array {
  const g = new Graph("gradient only");
  const x = g.input("x", "float32", [2]);
  const twice = customGradient(
    (value) => value.mul(2),
    (_, dy) => [dy],
  );
  const y = twice(x).add(stopGradient(x));
  const [dx] = grad(reduceSum(y), [x]);
  return g
    .output("y", y)
    .output("dx", dx as never)
    .toModel();
}
