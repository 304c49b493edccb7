import { Graph, grad, soft, type Value } from "softonnx";
import type { IndexMethod } from "../../src/ops/order-options.ts";
import { nativeStatus } from "../../src/runtime/native.ts";
import { type Feeds, OrtProcess } from "../support/ort-process.ts";
import { normals } from "./operator.ts";

// Second derivatives through the native kernels against those through the bodies.

const modes = ["smooth", "c0", "c1", "c2"] as const;
const all = { softsort: modes, sortingNetwork: modes, ot: modes, fastSoftSort: modes } as const;
const methods = { ...all, neuralsort: modes, smoothSort: ["smooth"] } as const;
type Method = keyof typeof methods;
type Mode = (typeof modes)[number];

/** Rows so long that softsort is a kernel operator of its own. */
const lengthOf = (method: Method) => (method === "softsort" ? 300 : 12);

type Operation = (x: Value, method: Method, mode: Mode, softness: Value) => Value;

const operations: Readonly<Record<string, Operation>> = {
  sort: (x, method, mode, softness) => soft.sort(x, { method, mode, softness }),
  rank: (x, method, mode, softness) => soft.rank(x, { method, mode, softness, dim: -1 }),
  argsort: (x, method, mode, softness) =>
    soft.argsort(x, { method: method as IndexMethod, mode, softness }),
};

/** Methods that make values only. */
const noIndices: readonly Method[] = ["fastSoftSort", "smoothSort"];
/** Methods that do not make ranks. */
const noRanks: readonly Method[] = ["sortingNetwork"];

const cases = Object.entries(methods).flatMap(([name, list]) => {
  const method = name as Method;
  return list.flatMap((mode) =>
    Object.keys(operations)
      .filter((operation) => operation !== "argsort" || !noIndices.includes(method))
      .filter((operation) => operation !== "rank" || !noRanks.includes(method))
      .map((operation) => ({ operation, method, mode })),
  );
});

/** The gradient of a random sum of y, and that of a random sum of the gradient. */
function derivatives({ operation, method, mode }: (typeof cases)[0]) {
  const g = new Graph("second");
  const n = lengthOf(method);
  const x = g.input("x", "float64", [2, n]);
  const softness = g.input("softness", "float64", []);
  const y = (operations[operation] as Operation)(x, method, mode, softness);
  const flat = y.reshape([-1]);
  const size = (y.shape as number[]).reduce((a, b) => a * b, 1);
  const dy = g.input("dy", "float64", [size]);
  const along = g.input("along", "float64", [2, n]);
  const [dx, ds] = grad(flat.mul(dy).sum(), [x, softness]) as [Value, Value];
  const [ddx, dds] = grad(dx.mul(along).sum().add(ds), [x, softness]) as [Value, Value];
  const model = g.toModel({ outputs: { dx, ds, ddx, dds } });
  const normal = normals(11);
  const draw = (...dims: number[]) => {
    const length = dims.reduce((a, b) => a * b, 1);
    return { dtype: "float64", dims, data: Float64Array.from({ length }, normal) } as const;
  };
  const feeds: Feeds = {
    x: draw(2, n),
    softness: { dtype: "float64", dims: [], data: Float64Array.of(0.3) },
    dy: draw(size),
    along: draw(2, n),
  };
  return { model, level: "all", feeds } as const;
}

const status = nativeStatus();
const title = status.available ? "second derivatives" : `second derivatives: ${status.reason}`;

jest.setTimeout(60_000);

(status.available ? describe : describe.skip)(title, () => {
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

  test.each(cases)("$operation by $method, $mode", async (each) => {
    const job = derivatives(each);
    const [expected, found] = await Promise.all([body.run(job), kernel.run(job)]);
    for (const [name, { data }] of Object.entries(expected)) {
      const numbers = Array.from(data);
      const size = Math.max(1, ...numbers.map(Math.abs));
      expect(size).toBeLessThan(Number.POSITIVE_INFINITY);
      numbers.forEach((x, i) => {
        expect(Math.abs((found[name]?.data[i] as number) - x) / size).toBeLessThan(1e-8);
      });
    }
  });
});
