import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import "../../src/ops/kernels/index.ts";
import type { Definition, TensorType } from "../../src/builder/definition.ts";
import { Graph } from "../../src/builder/graph.ts";
import type { Value } from "../../src/builder/value.ts";
import { curveNames } from "../../src/ops/kernels/soft-curves.ts";
import { nativeStatus } from "../../src/runtime/native.ts";
import { type Feeds, OrtProcess, type Results } from "../support/ort-process.ts";
import { type ElementType, model, node, port } from "./models.ts";
import { type Draw, definitionsOf, kinds, Operands, type Twin, twins } from "./twins.ts";

const KERNELS = join(import.meta.dirname, "../../src/ops/kernels");

/** The families that the sources define, found in their text, and those of the curves, which have three each. */
function definedFamilies(): string[] {
  const pattern = /\b(?:kernelFamily(?:<[^>]*>)?|defineFamily)\(\s*"(\w+)"/g;
  const found = readdirSync(KERNELS).flatMap((file) =>
    [...readFileSync(join(KERNELS, file), "utf8").matchAll(pattern)].map(
      ([, name]) => name as string,
    ),
  );
  const curves = curveNames.flatMap((name) => [name, `${name}Grad`, `${name}SoftnessGrad`]);
  return [...found, ...curves];
}

const LENGTHS = [1, 2, 3, 7, 16, 33, 100, 257] as const;

function drawsFor({ lengths = LENGTHS, without = {} }: Twin): Draw[] {
  const allowed = kinds.filter((kind) => without[kind] === undefined);
  const draws = lengths.flatMap((n, i) =>
    allowed.map((kind, j) => ({ kind, batch: 1 + ((i + j) % 5), n, seed: 17 * i + j })),
  );
  return [{ kind: "everyday", batch: 0, n: lengths.at(-1) as number, seed: 1 }, ...draws];
}

function inputsOf({ inputs, signature = [] }: Definition, g: Graph): Value[] {
  return inputs.map((name, i) => {
    const { dtype, shape } = signature[i] as TensorType;
    return g.input(name, dtype, shape);
  });
}

/** The operator by itself, with its body. */
function withBody(definition: Definition): Uint8Array {
  const g = new Graph("twin");
  const inputs = inputsOf(definition, g);
  const { name: op, domain, outputs } = definition;
  const made = g.emit({ op, domain, inputs, operator: op, definition, outputs: outputs.length });
  const named = outputs.map((name, i) => [name, made.outputs[i] as Value] as const);
  return g.toModel({ outputs: Object.fromEntries(named) });
}

/** The same without one: it loads only where there is a kernel. */
function withoutBody(definition: Definition): Uint8Array {
  const { name, inputs, outputs, infer } = definition;
  const values = inputsOf(definition, new Graph("types"));
  const out = infer(values);
  return model(
    [node(name, [...inputs], [...outputs], { domain: "ai.softonnx" })],
    inputs.map((input, i) => port(input, values[i]?.dtype as ElementType)),
    outputs.map((output, i) => port(output, out[i]?.dtype as ElementType)),
  );
}

/** The largest difference relative to max(1, the largest entry); infinite where one of the two is NaN, or
 * infinite, and the other is not. */
function difference(own: Results, other: Results, ignored: readonly string[]): number {
  let worst = 0;
  for (const [name, { data, dims }] of Object.entries(own)) {
    if (ignored.includes(name)) continue;
    // Of an empty batch ONNX Runtime's reductions keep the length of the rows.
    if (dims.includes(0)) expect(other[name]?.dims).toContain(0);
    else expect(other[name]?.dims).toEqual(dims);
    const [a, b] = [data, other[name]?.data ?? []].map((x) => Array.from(x, Number));
    const size = (a as number[]).reduce(
      (most, x) => (Math.abs(x) < Infinity ? Math.max(most, Math.abs(x)) : most),
      1,
    );
    (a as number[]).forEach((x, i) => {
      const y = b?.[i] as number;
      if (Object.is(x, y) || x === y) return;
      const apart = Math.abs(x - y) / size;
      worst = Math.max(worst, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
    });
  }
  return worst;
}

test("every kernel operator has a case below", () => {
  const families = definedFamilies();
  expect(families.length).toBeGreaterThan(10);
  expect(Object.keys(twins).sort()).toEqual([...families].sort());
  for (const family of families) expect(definitionsOf(family)).not.toEqual([]);
});

const status = nativeStatus();
const describeTwins = status.available ? describe : describe.skip;
const title = status.available ? "body and kernel agree" : `body and kernel: ${status.reason}`;

jest.setTimeout(60_000);

describeTwins(title, () => {
  let body: OrtProcess;
  let kernel: OrtProcess;
  beforeAll(() => {
    body = new OrtProcess("cpu");
    kernel = new OrtProcess("native");
  });
  afterAll(() => {
    body.close();
    kernel.close();
  });

  const cases = Object.entries(twins).flatMap(([family, twin]) =>
    definitionsOf(family).map(({ parts, definition }) => ({
      name: definition.name,
      parts,
      definition,
      twin,
    })),
  );
  test.each(cases)("$name", async ({ parts, definition, twin }) => {
    const dtype = parts.at(-1) as "float32" | "float64";
    const draws = drawsFor(twin);
    const feeds = draws.map((draw) => twin.feeds(new Operands(dtype, draw), parts) as Feeds);
    const [fromBody, fromKernel] = await Promise.all([
      body.runAll({ model: withBody(definition), level: "all", feeds }),
      kernel.runAll({ model: withoutBody(definition), level: "all", feeds }),
    ]);
    const limit = twin.within[dtype] ?? twin.within.float64;
    const apart = draws.map((draw, i) => {
      const free = Object.entries(twin.free ?? {}).filter(([, of]) => of.includes(draw.kind));
      const ignored = free.map(([output]) => output);
      const found = difference(fromBody[i] as Results, fromKernel[i] as Results, ignored);
      const most = draw.kind === "wide" ? limit * (twin.wide ?? 1) : limit;
      return { ...draw, difference: found, most };
    });
    expect(apart.filter(({ difference: found, most }) => !(found <= most))).toEqual([]);
  });
});
