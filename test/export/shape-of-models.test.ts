import { fromBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
} from "onnx-buf";
import { type Sample, spread } from "./spread.ts";

interface Read {
  readonly name: string;
  readonly model: ModelProto;
}

const samples: readonly Read[] = [...spread()].map(({ name, model }: Sample) => ({
  name,
  model: fromBinary(ModelProtoSchema, model),
}));

/** Names of the samples in which `find` finds something, with what. */
function offenders(find: (model: ModelProto) => readonly string[]): string[] {
  return samples.flatMap(({ name, model }) => find(model).map((what) => `${name}: ${what}`));
}

describe("every exported model", () => {
  test("is IR 8 and opset 18", () => {
    const wrong = offenders(({ irVersion, opsetImport }) => {
      const opset = opsetImport.find(({ domain }) => domain === "")?.version;
      return irVersion === 8n && opset === 18n ? [] : [`IR ${irVersion}, opset ${opset}`];
    });
    expect(wrong).toEqual([]);
  });

  test("imports each domain that it uses, and has the function of each kernel operator", () => {
    const wrong = offenders((model) => {
      const imported = new Set(model.opsetImport.map(({ domain }) => domain));
      const functions = new Set(model.functions.map(({ domain, name }) => `${domain}:${name}`));
      return allNodes(model)
        .filter(({ domain }) => domain !== "")
        .filter(
          ({ domain, opType }) => !imported.has(domain) || !functions.has(`${domain}:${opType}`),
        )
        .map(({ domain, opType }) => `${domain}:${opType}`);
    });
    expect(wrong).toEqual([]);
    const uses = samples.some(({ model }) => model.functions.length > 0);
    expect(uses).toBe(true);
  });

  test("imports in each function what its body uses", () => {
    const wrong = offenders((model) =>
      model.functions.flatMap((f) => {
        const imported = new Set(f.opsetImport.map(({ domain }) => domain));
        return nodesWithin(f.node)
          .filter(({ domain }) => !imported.has(domain))
          .map(
            ({ domain, opType }) => `${f.name} does not import the domain of ${domain}:${opType}`,
          );
      }),
    );
    expect(wrong).toEqual([]);
  });

  test("has no overloads", () => {
    const wrong = offenders((model) => [
      ...allNodes(model)
        .filter(({ overload }) => overload !== "")
        .map(({ opType }) => opType),
      ...model.functions.filter(({ overload }) => overload !== "").map(({ name }) => name),
    ]);
    expect(wrong).toEqual([]);
  });

  test("writes every attribute of a kernel operator on every node", () => {
    const wrong = offenders((model) =>
      model.functions.flatMap((f) => {
        const declared = [...f.attribute, ...f.attributeProto.map(({ name }) => name)];
        const calls = allNodes(model).filter(
          ({ domain, opType }) => domain === f.domain && opType === f.name,
        );
        return calls
          .filter(
            ({ attribute }) => !declared.every((d) => attribute.some(({ name }) => name === d)),
          )
          .map(({ name }) => name);
      }),
    );
    expect(wrong).toEqual([]);
  });

  test("has no Transpose that changes nothing", () => {
    const wrong = offenders((model) =>
      allNodes(model)
        .filter(({ opType }) => opType === "Transpose")
        .filter(({ attribute }) => {
          const permutation = attribute.find(({ name }) => name === "perm")?.ints;
          return permutation?.every((axis, i) => axis === BigInt(i));
        })
        .map(({ name }) => name),
    );
    expect(wrong).toEqual([]);
  });

  test("has names of at most three segments", () => {
    const wrong = offenders((model) =>
      allNodes(model)
        .flatMap(({ name, output }) => [name, ...output])
        .filter((name) => name.split("/").length > 3),
    );
    expect(wrong).toEqual([]);
  });

  test("makes each value once, and has no two nodes of one name", () => {
    const wrong = offenders((model) => [
      ...duplicates(valueNames(model.graph as GraphProto)),
      ...duplicates(nodesWithin(model.graph?.node ?? []).map(({ name }) => name)),
      ...model.functions.flatMap((f) => [
        ...duplicates([...f.input, ...f.node.flatMap(valuesOf)]),
        ...duplicates(nodesWithin(f.node).map(({ name }) => name)),
      ]),
    ]);
    expect(wrong).toEqual([]);
  });

  test("gives every node a name", () => {
    const wrong = offenders((model) =>
      allNodes(model)
        .filter(({ name }) => name === "")
        .map(({ opType }) => opType),
    );
    expect(wrong).toEqual([]);
  });

  test("computes nothing that it does not need", () => {
    const wrong = offenders(({ graph }) => {
      const nodes = graph?.node ?? [];
      const used = new Set([
        ...(graph?.output ?? []).map(({ name }) => name),
        ...nodesWithin(nodes).flatMap(({ input }) => input),
        ...bodiesWithin(nodes).flatMap(({ output }) => output.map(({ name }) => name)),
      ]);
      return nodes
        .filter(({ output }) => !output.some((name) => used.has(name)))
        .map(({ name }) => name);
    });
    expect(wrong).toEqual([]);
  });
});

test("an inference model of a straight-through operator is the hard operator alone", () => {
  const inference = samples.filter(({ name }) => /^st.*inference/.test(name));
  expect(inference.length).toBeGreaterThan(10);
  const soft = inference.filter(({ model }) =>
    allNodes(model).some(
      ({ domain, opType }) => domain !== "" || /^(Softmax|Sigmoid|Tanh|Loop)$/.test(opType),
    ),
  );
  expect(soft.map(({ name }) => name)).toEqual([]);
});

function allNodes(model: ModelProto): NodeProto[] {
  return nodesWithin([
    ...(model.graph?.node ?? []),
    ...model.functions.flatMap(({ node }) => node),
  ]);
}

/** The nodes and those of their bodies, to any depth. */
function nodesWithin(nodes: readonly NodeProto[]): NodeProto[] {
  return nodes.flatMap((node) => [node, ...bodies(node).flatMap((body) => nodesWithin(body.node))]);
}

function bodiesWithin(nodes: readonly NodeProto[]): GraphProto[] {
  return nodesWithin(nodes).flatMap(bodies);
}

function bodies(node: NodeProto): GraphProto[] {
  return node.attribute
    .filter(({ type }) => type === AttributeProto_AttributeType.GRAPH)
    .map(({ g }) => g as GraphProto);
}

/** All names that a graph gives to values, those in bodies included: ONNX forbids shadowing. */
function valueNames(graph: GraphProto): string[] {
  const leaves = [...graph.input, ...graph.initializer].map(({ name }) => name);
  return [...leaves, ...graph.node.flatMap(valuesOf)];
}

function valuesOf(node: NodeProto): string[] {
  const outputs = node.output.filter((name) => name !== "");
  return [...outputs, ...bodies(node).flatMap(valueNames)];
}

function duplicates(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.filter((name) => seen.size === seen.add(name).size);
}
