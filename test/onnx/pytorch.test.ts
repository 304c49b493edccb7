import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { evaluate, Tensor } from "softonnx/node";
import { Graph } from "../../src/builder/graph.ts";
import type { Value } from "../../src/builder/value.ts";
import { vjp } from "../../src/grad/index.ts";

const FOLDER = join(import.meta.dirname, "pytorch");

interface Coded {
  readonly type: "float32" | "int64";
  readonly dims: readonly number[];
  /** Its bytes, in base64. */
  readonly data: string;
}

interface Expected {
  readonly feeds: Readonly<Record<string, Coded>>;
  readonly y: Coded;
  /** Of sum(y * cos(1.7 i + 0.4)), i counting the elements of y: computed by PyTorch in float64. */
  readonly gradients: Readonly<Record<string, Coded>>;
}

const expected: Readonly<Record<string, Expected>> = JSON.parse(
  readFileSync(join(FOLDER, "gradients.json"), "utf8"),
);

function elementsOf({ type, data }: Coded): Float32Array | BigInt64Array {
  const { buffer } = Uint8Array.from(Buffer.from(data, "base64"));
  return type === "int64" ? new BigInt64Array(buffer) : new Float32Array(buffer);
}

/** The value with a name; undefined where PyTorch has folded it into another. */
function named(graph: Graph, name: string): Value | undefined {
  try {
    return graph.value(name);
  } catch {
    return undefined;
  }
}

/** The largest difference, relative to the number or, where that is smaller, to the root mean square. */
function distance(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  const numbers = Array.from(wanted);
  const size = Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0) / numbers.length);
  const distances = numbers.map((x, i) => {
    const off = Math.abs((found[i] as number) - x) / Math.max(Math.abs(x), size, 1e-6);
    return Number.isNaN(off) ? Number.POSITIVE_INFINITY : off;
  });
  return Math.max(0, ...distances);
}

describe("Models as PyTorch exports them have the gradients that PyTorch computes, to 1e-4", () => {
  test.each(Object.entries(expected))("%s", async (name, { feeds, y, gradients }) => {
    const graph = Graph.fromModel(readFileSync(join(FOLDER, `${name}.onnx`)));
    const output = graph.value("y");
    const wanted = Object.entries(gradients).flatMap(([of, gradient]) => {
      const x = named(graph, of);
      return x === undefined ? [] : [{ of, x, gradient }];
    });
    expect(wanted.length).toBeGreaterThan(0);
    const count = y.dims.reduce((product, size) => product * size, 1);
    const weights = Float32Array.from({ length: count }, (_, i) => Math.cos(1.7 * i + 0.4));
    const seed = graph.constant(weights, y.dims);
    const found = vjp(
      [output],
      wanted.map(({ x }) => x),
      [seed],
    );
    const given = Object.entries(feeds).map(([of, coded]) => {
      return [of, new Tensor(coded.type, elementsOf(coded) as Float32Array, coded.dims)] as const;
    });
    const [value, ...results] = await evaluate([output, ...found], Object.fromEntries(given));
    const off: Record<string, number> = {};
    [{ of: "y", gradient: y }, ...wanted].forEach(({ of, gradient }, i) => {
      const tensor = i === 0 ? value : results[i - 1];
      expect({ of, dims: tensor?.dims }).toEqual({ of, dims: gradient.dims });
      const distant = distance(tensor?.data as Float32Array, elementsOf(gradient) as Float32Array);
      if (distant > 1e-4) off[of] = distant;
    });
    expect(off).toEqual({});
  });

  test("each model has its gradients", () => {
    const models = readdirSync(FOLDER).filter((file) => file.endsWith(".onnx"));
    expect(models.map((file) => file.slice(0, -5)).sort()).toEqual(Object.keys(expected).sort());
  });
});
