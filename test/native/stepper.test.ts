import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { buildSync } from "esbuild";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
} from "onnx-buf";
import { Graph, gather, grad, matmul, soft, type Value } from "../../src/index.ts";
import { createStepper, nativeStatus, type Stepper, type Tensors } from "../../src/node.ts";
import { model, node, port } from "./models.ts";

const native = nativeStatus().available ? describe : describe.skip;

const root = join(__dirname, "..", "..");
// As deep below the root as src/runtime, from where the addon is found.
const program = join(root, "out", "native", "stepper.mjs");

/** Adam on two layers and a soft median: state of all kinds, a count among it. In float64, in which two
 * backends that round otherwise stay together for a hundred steps. */
function training(): Graph {
  const g = new Graph("training");
  const x = g.input("x", "float64", ["n", 4]);
  const y = g.input("y", "float64", ["n"]);
  const first = g.parameter("first", wave(4 * 8), [4, 8], "float64");
  const second = g.parameter("second", wave(8), [8], "float64");
  const steps = g.parameter("steps", 0, [], "int64");
  const rate = g.parameter("rate", 0.05, [], "float64");
  const residual = matmul(matmul(x, first).tanh(), second).sub(y);
  const loss = soft.median(soft.abs(residual), { method: "softsort" });
  const gradients = grad(loss, [first, second]);
  for (const [i, w] of [first, second].entries()) {
    const dw = gradients[i] as Value;
    const mean = g.parameter(`mean${i}`, 0, w.shape as number[], "float64");
    const square = g.parameter(`square${i}`, 0, w.shape as number[], "float64");
    const nextMean = mean.mul(0.9).add(dw.mul(0.1));
    const nextSquare = square.mul(0.99).add(dw.square().mul(0.01));
    g.update(mean, nextMean).update(square, nextSquare);
    g.update(w, w.sub(nextMean.div(nextSquare.sqrt().add(1e-6)).mul(rate)));
  }
  return g.output("loss", loss).output("step", steps.add(0)).update(steps, steps.add(1));
}

const axis = {
  attribute: [
    create(AttributeProtoSchema, { name: "axis", type: AttributeProto_AttributeType.INT }),
  ],
};

/** A training step, made by hand, of one node and a state whose size is left open. */
function stateful(step: ReturnType<typeof node>): Uint8Array {
  const message = fromBinary(
    ModelProtoSchema,
    model(
      [step],
      [port("s", "float32", ["n"]), port("x", "float32", ["m"])],
      [port("s.next", "float32")],
    ),
  );
  const key = "ai.softonnx.state";
  message.metadataProps.push(
    create(StringStringEntryProtoSchema, { key, value: '[["s","s.next"]]' }),
  );
  return toBinary(ModelProtoSchema, message);
}

const wave = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898));

const numbers = (tensors: Tensors) =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { data }]) => [name, Array.from(data as never, Number)]),
  );

native("A stepper with its state in native memory", () => {
  const steppers: Stepper[] = [];
  const stepperOf = async (...[model, options]: Parameters<typeof createStepper>) => {
    const stepper = await createStepper(model, { backend: "native", ...options });
    steppers.push(stepper);
    return stepper;
  };
  afterEach(async () => {
    for (const stepper of steppers.splice(0)) await stepper.dispose();
  });

  test("takes the same hundred steps as one on the stock backend", async () => {
    const g = training();
    const one = await stepperOf(g, { intraOpNumThreads: 1 });
    const other = await stepperOf(g, { backend: "cpu", intraOpNumThreads: 1 });
    for (let i = 0; i < 100; i++) {
      // Another batch, and another size of it, every time.
      const n = 3 + (i % 5);
      const feeds = { x: wave(4 * (n + i)).slice(4 * i), y: wave(n + i).slice(i) };
      const a = numbers(await one.step(feeds));
      const b = numbers(await other.step(feeds));
      expect(a.step).toEqual([i]);
      expect(a.loss?.[0]).toBeCloseTo(b.loss?.[0] as number, 8);
    }
    const a = numbers(await one.state());
    const b = numbers(await other.state());
    expect(Object.keys(a).sort()).toEqual(Object.keys(b).sort());
    expect(a.steps).toEqual([100]);
    for (const [name, values] of Object.entries(a)) {
      for (const [i, value] of values.entries()) expect(value).toBeCloseTo(b[name]?.[i] ?? 0, 7);
    }
  });

  test("does not bring its state into JavaScript", async () => {
    const g = new Graph("large");
    const w = g.parameter("w", 1, [2 ** 20]);
    const stepper = await stepperOf(g.output("first", w.slice(0, 1)).update(w, w.mul(0.5)));
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 20; i++) await stepper.step();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
    const { w: now } = await stepper.state();
    expect(Number(now?.data.at(-1))).toBe(2 ** -20);
  });

  test("lets the event loop turn between quick steps, which it takes where it is", async () => {
    const g = new Graph("quick");
    const count = g.parameter("count", 0);
    const stepper = await stepperOf(g.output("seen", count.add(0)).update(count, count.add(1)));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const end = performance.now() + 100;
    while (performance.now() < end) await stepper.step();
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
  });

  test("takes long steps off the JavaScript thread", async () => {
    const g = new Graph("long");
    const w = g.parameter("w", 0.5, [1000, 300]);
    let next = w;
    for (let i = 0; i < 10; i++) next = next.exp().log();
    const stepper = await stepperOf(g.output("first", w.slice([0, 0], [1, 1])).update(w, next));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    for (let i = 0; i < 10; i++) await stepper.step();
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
  });

  test("keeps the state when a step fails, quick as the steps before were", async () => {
    const g = new Graph("count");
    const index = g.input("index", "int64", []);
    const count = g.parameter("count", 0);
    const more = gather(g.constant([1, 10, 100]), index);
    g.output("seen", count.add(0)).update(count, count.add(more));
    const stepper = await stepperOf(g, { logSeverityLevel: 4 });
    for (let i = 0; i < 20; i++) await stepper.step({ index: 0 });
    await expect(stepper.step({ index: 7 })).rejects.toThrow(/out of (data )?bounds/);
    expect(numbers(await stepper.step({ index: 1 }))).toEqual({ seen: [20] });
    expect(numbers(await stepper.state())).toEqual({ count: [30] });
  });

  test.each(["native", "cpu"] as const)(
    "refuses a next state of another shape (%s)",
    async (backend) => {
      const stepper = await stepperOf(stateful(node("Concat", ["s", "x"], ["s.next"], axis)), {
        backend,
        state: { s: [1, 2] },
        logSeverityLevel: 4,
      });
      await expect(stepper.step({ x: [3] })).rejects.toThrow(/shape/i);
      expect(numbers(await stepper.state())).toEqual({ s: [1, 2] });
      expect(await stepper.step({ x: [] })).toEqual({});
      await stepper.setState({ s: [5, 6, 7] });
      await stepper.step({ x: [] });
      expect(numbers(await stepper.state())).toEqual({ s: [5, 6, 7] });
    },
  );
});

native("Nothing done with a native stepper crashes the process:", () => {
  beforeAll(() => {
    buildSync({
      entryPoints: [join(__dirname, "stepper-program.ts")],
      outfile: program,
      bundle: true,
      format: "esm",
      platform: "node",
      packages: "external",
      logLevel: "error",
    });
  });

  const cases = {
    garbage: "collecting garbage during steps",
    unreferenced: "dropping a stepper during its step",
    dispose: "disposing of it twice and during its step",
    overlap: "starting a step, or changing the state, during a step",
    beside: "running another session by the state",
    arguments: "calling the addon with anything",
    workers: "steppers in four threads",
    terminate: "terminating a worker during its steps",
    exit: "leaving during steps",
    leak: "a thousand steppers, which leave nothing behind",
  };
  for (const [name, title] of Object.entries(cases)) {
    test(title, async () => {
      const run = promisify(execFile);
      const env = name === "leak" ? { ...process.env, MALLOC_ARENA_MAX: "1" } : process.env;
      const { stdout } = await run(process.execPath, ["--expose-gc", program, name], { env });
      expect(stdout).toContain("survived");
    }, 60_000);
  }
});
