import { create, fromBinary } from "@bufbuild/protobuf";
import { FunctionProtoSchema, ModelProtoSchema, type NodeProto } from "onnx-buf";
import { Graph } from "../../src/builder/graph.ts";
import { reduceSum } from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { grad } from "../../src/grad/index.ts";
import { evaluate } from "../../src/node.ts";
import { attribute, bytesOf, graph, info, node, opset } from "./messages.ts";

const FLOAT = 1;
const GRAPH = 5;

function functionOf(
  name: string,
  input: string[],
  output: string[],
  nodes: NodeProto[],
  fields: { attribute?: string[]; overload?: string } = {},
) {
  return create(FunctionProtoSchema, {
    name,
    domain: "com.example",
    input,
    output,
    node: nodes,
    opsetImport: [opset("", 18), opset("com.example", 1)],
    ...fields,
  });
}

const call = (name: string, input: string[], output: string[], fields = {}) =>
  node(name, input, output, { domain: "com.example", ...fields });

const reference = (name: string, refAttrName: string) =>
  attribute(name, { refAttrName, type: FLOAT });

/** A model of some functions with one float input of three elements. */
function modelOf(functions: ReturnType<typeof functionOf>[], nodes: NodeProto[], inputs = ["x"]) {
  return bytesOf(
    graph({
      node: nodes,
      input: inputs.map((name) => info(name, FLOAT, [3])),
      output: [info("y")],
    }),
    { irVersion: 10n, opsetImport: [opset("", 18), opset("com.example", 1)], functions },
  );
}

async function slopes(bytes: Uint8Array, x: number[], names = ["x"]) {
  const g = Graph.fromModel(bytes);
  const xs = names.map((name) => g.value(name));
  const gradients = grad(reduceSum(g.value("y")), xs);
  const feeds = Object.fromEntries([...g.inputs.keys()].map((name) => [name, x]));
  const found = await evaluate(gradients, feeds);
  return found.map(({ data }) => Array.from(data as Float32Array));
}

/** x -> x alpha, by alpha, an attribute. */
const scaled = functionOf(
  "Scaled",
  ["x"],
  ["y"],
  [
    node("Constant", [], ["alpha"], { attribute: [reference("value_float", "alpha")] }),
    node("Mul", ["x", "alpha"], ["y"]),
  ],
  { attribute: ["alpha"] },
);

const alpha = (f: number) => ({ attribute: [attribute("alpha", { type: FLOAT, f })] });

test("a function has types and a gradient by its body, where attributes are named by reference", async () => {
  const bytes = modelOf([scaled], [call("Scaled", ["x"], ["y"], alpha(2.5))]);
  const g = Graph.fromModel(bytes);
  expect(String(g.value("y"))).toBe('float32 [3] "y"');
  expect(await slopes(bytes, [1, 2, 3])).toEqual([[2.5, 2.5, 2.5]]);
});

test("functions apply each other, with their attributes handed on", async () => {
  const twice = functionOf(
    "Twice",
    ["x"],
    ["y"],
    [
      call("Scaled", ["x"], ["a"], { attribute: [reference("alpha", "beta")] }),
      call("Scaled", ["a"], ["b"], { attribute: [reference("alpha", "beta")] }),
      node("Mul", ["b", "x"], ["y"]),
    ],
    { attribute: ["beta"] },
  );
  const beta = { attribute: [attribute("beta", { type: FLOAT, f: 3 })] };
  const bytes = modelOf([scaled, twice], [call("Twice", ["x"], ["y"], beta)]);
  expect(await slopes(bytes, [1, 2, 3])).toEqual([[18, 36, 54]]);
});

test("an overload is another function of the same name", () => {
  const squared = functionOf("Scaled", ["x"], ["y"], [node("Mul", ["x", "x"], ["y"])], {
    overload: "squared",
  });
  const bytes = modelOf(
    [scaled, squared],
    [call("Scaled", ["x"], ["a"], alpha(2)), call("Scaled", ["a"], ["y"], { overload: "squared" })],
  );
  return expect(slopes(bytes, [1, 2, 3])).resolves.toEqual([[8, 16, 24]]);
});

test("an input may be left out, and bodies of If read the function's values", async () => {
  const branch = (name: string, nodes: NodeProto[], output: string) =>
    attribute(name, { type: GRAPH, g: graph({ node: nodes, output: [info(output)] }) });
  const chosen = functionOf(
    "Chosen",
    ["x", "scale", "bias"],
    ["y"],
    [
      node("ReduceSum", ["x"], ["sum"], {
        attribute: [attribute("keepdims", { type: 2, i: 0n })],
      }),
      node("Constant", [], ["zero"], {
        attribute: [attribute("value_float", { type: FLOAT, f: 0 })],
      }),
      node("Greater", ["sum", "zero"], ["positive"]),
      node("If", ["positive"], ["y"], {
        attribute: [
          branch("then_branch", [node("Mul", ["x", "scale"], ["a"])], "a"),
          branch("else_branch", [node("Mul", ["x", "x"], ["b"])], "b"),
        ],
      }),
    ],
  );
  const bytes = modelOf([chosen], [call("Chosen", ["x", "s"], ["y"])], ["x", "s"]);
  expect(await slopes(bytes, [1, 2, 3], ["x", "s"])).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
  expect(await slopes(bytes, [-1, -2, -3], ["x", "s"])).toEqual([
    [-2, -4, -6],
    [0, 0, 0],
  ]);
});

test("what is written is the function as it came", () => {
  const bytes = modelOf([scaled], [call("Scaled", ["x"], ["y"], alpha(2.5))]);
  const g = Graph.fromModel(bytes);
  expect(fromBinary(ModelProtoSchema, g.toModel())).toEqual(fromBinary(ModelProtoSchema, bytes));
  const [dx] = grad(reduceSum(g.value("y")), [g.value("x")]);
  const written = fromBinary(ModelProtoSchema, g.output("dx", dx as Value).toModel());
  expect(written.functions).toEqual([scaled]);
  expect(written.graph?.node[0]).toEqual(call("Scaled", ["x"], ["y"], alpha(2.5)));
});

test("an operator without a rule in a body is named", () => {
  const odd = functionOf(
    "Odd",
    ["x"],
    ["y"],
    [node("Other", ["x"], ["y"], { domain: "com.other" })],
  );
  const g = Graph.fromModel(modelOf([odd], [call("Odd", ["x"], ["z"]), node("Exp", ["z"], ["y"])]));
  expect(() => grad(reduceSum(g.value("y")), [g.value("x")])).toThrow(
    /com\.example\.Odd .*com\.other\.Other/,
  );
});

describe("hostile functions", () => {
  test("that apply themselves are read, and have no gradient", () => {
    const endless = functionOf("Endless", ["x"], ["y"], [call("Endless", ["x"], ["y"])]);
    const g = Graph.fromModel(modelOf([endless], [call("Endless", ["x"], ["y"])]));
    expect(g.value("y").shape).toBeUndefined();
    expect(() => grad(reduceSum(g.value("y")), [g.value("x")])).toThrow(
      /Endless: functions apply each other more than 64 deep/,
    );
  });

  test("of which each applies the one before twice end in an error in seconds", () => {
    const layers = Array.from({ length: 30 }, (_, k) =>
      functionOf(
        `F${k + 1}`,
        ["x"],
        ["y"],
        [call(`F${k}`, ["x"], ["a"]), call(`F${k}`, ["a"], ["y"])],
      ),
    );
    const first = functionOf("F0", ["x"], ["y"], [node("Exp", ["x"], ["y"])]);
    const started = performance.now();
    const g = Graph.fromModel(modelOf([first, ...layers], [call("F30", ["x"], ["y"])]));
    expect(() => grad(reduceSum(g.value("y")), [g.value("x")])).toThrow(/too many nodes/);
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
