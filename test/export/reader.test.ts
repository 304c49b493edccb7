import { isDeepStrictEqual } from "node:util";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { onnx } from "onnx-proto";
import { Graph, grad, ifElse, reduceSum, soft, type Value } from "softonnx";
import { modelForm } from "./normal-form.ts";
import { spread } from "./spread.ts";

/** protobufjs: generated years before, and apart from, the library that writes our models. */
function readIndependently(model: Uint8Array) {
  return modelForm(onnx.ModelProto.decode(model));
}

describe("an independent reader", () => {
  test("finds the nodes, attributes and initialisers that were built", () => {
    const g = new Graph("small");
    const x = g.input("x", "float32", ["n", 2]);
    const w = g.parameter("w", [
      [1, 2],
      [3, 4],
    ]);
    const y = x.matmul(w).softmax({ axis: 1 });
    const form = readIndependently(g.toModel({ outputs: { y } }));

    expect(form.opsets).toContain("ai.onnx 18");
    expect(form.inputs).toEqual(["x"]);
    expect(form.outputs).toEqual(["y"]);
    expect(form.nodes.map(({ op }) => op)).toEqual(["MatMul", "Softmax"]);
    expect(form.nodes[0]?.inputs).toEqual(["x", "w"]);
    expect(form.nodes[1]?.attributes).toEqual({ axis: { type: 2, value: "1" } });
    const bytes = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer).toString("hex");
    expect(form.initializers).toEqual([
      { name: "w", type: 1, dims: ["2", "2"], bytes, elements: [] },
    ]);
  });

  test("reads every soft operator as the library that wrote it does", () => {
    for (const { name, model } of spread()) {
      const own = modelForm(fromBinary(ModelProtoSchema, model));
      const other = readIndependently(model);
      // jest takes a second for each to find that there is nothing to show.
      if (!isDeepStrictEqual(other, own)) expect({ name, ...other }).toEqual({ name, ...own });
    }
  });

  test("reads subgraphs and the functions of kernel operators", () => {
    const g = new Graph("branches");
    const x = g.input("x", "float32", ["n"]);
    const gate = g.input("gate", "bool", []);
    const y = ifElse(
      gate,
      () => [soft.sort(x, { mode: "c1" })],
      () => [x.mul(2)],
    )[0] as Value;
    const [dx] = grad(reduceSum(soft.median(x, { mode: "c0" })), [x]) as [Value];
    const model = g.output("y", y).output("dx", dx).toModel();
    const form = readIndependently(model);

    expect(form).toEqual(modelForm(fromBinary(ModelProtoSchema, model)));
    const branches = form.nodes.find(({ op }) => op === "If")?.attributes;
    expect(Object.keys(branches ?? {}).sort()).toEqual(["else_branch", "then_branch"]);
    const functions = form.functions.map((each) => each.name);
    expect(functions).toContain("ai.softonnx:SimplexThreshold_c0_float32");
    expect(functions).toContain("ai.softonnx:SimplexThreshold_c1_float32");
  });
});
