/**
 * Uses of native steppers that must not crash the process; stepper.test.ts runs each in a process of
 * its own. A case that ends prints "survived".
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { Graph } from "../../src/index.ts";
import { createStepper, nativeStatus, type Stepper, type Tensor } from "../../src/node.ts";
import type { NativeAddon, NativeResult } from "../../src/runtime/native-addon.ts";
import { model, node, port } from "./models.ts";

const program = fileURLToPath(import.meta.url);
const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function assert(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Multiplies a matrix, at first the identity, `rounds` times by what is fed. */
function powers(rounds: number, n: number): Promise<Stepper> {
  const g = new Graph("powers");
  const x = g.input("x", "float32", [n, n]);
  const p = g.parameter("p", identity(n), [n, n]);
  let next = p;
  for (let i = 0; i < rounds; i++) next = next.matmul(x);
  g.output("corner", next.slice([0, 0], [1, 1])).update(p, next);
  return createStepper(g, { backend: "native" });
}

function identity(n: number): Float32Array {
  const data = new Float32Array(n * n);
  for (let i = 0; i < n; i++) data[i * n + i] = 1;
  return data;
}

const first = (result: Tensor | undefined) => Number(result?.data[0]);

function addon(): NativeAddon {
  assert(nativeStatus().available, "the addon is attached");
  return createRequire(import.meta.url)(
    fileURLToPath(new URL("../../native/build/Release/softonnx.node", import.meta.url)),
  );
}

/** y = x + s, and s becomes s + s. */
const doubling = model(
  [node("Add", ["x", "s"], ["y"]), node("Add", ["s", "s"], ["s.next"])],
  [port("x", "float32", ["n"]), port("s", "float32", ["n"])],
  [port("y", "float32", ["n"]), port("s.next", "float32", ["n"])],
);

const tensor = (...values: number[]) => ({
  type: 1,
  dims: [values.length],
  data: new Uint8Array(Float32Array.from(values).buffer),
});

const floats = (result: NativeResult | undefined) =>
  String(new Float32Array((result?.data ?? new ArrayBuffer()) as ArrayBuffer));

/** No options at all. */
const none = { freeDimensionOverrides: [], config: [] };

const cases: Record<string, () => Promise<void>> = {
  async garbage() {
    const stepper = await powers(40, 200);
    const steps = Array.from({ length: 8 }, () => stepper.step({ x: identity(200) }));
    for (let i = 0; i < 50; i++) {
      collect();
      await sleep(1);
    }
    for (const { corner } of await Promise.all(steps)) {
      assert(first(corner) === 1, "a feed or the state was lost");
    }
  },

  async unreferenced() {
    const start = async () => (await powers(40, 200)).step({ x: identity(200) });
    const steps = Array.from({ length: 4 }, start);
    for (let i = 0; i < 50; i++) {
      collect();
      await sleep(1);
    }
    await Promise.all(steps);
    collect();
  },

  async dispose() {
    const { createSession, createStepper, step, disposeStepper, dispose, readState } = addon();
    const session = await createSession(doubling, none);
    const held = [{ input: 1, next: 1, start: tensor(1) }];
    const stepper = createStepper(session, held);
    const running = step(stepper, [tensor(5)]);
    disposeStepper(stepper);
    disposeStepper(stepper);
    dispose(session);
    assert(floats((await running)[0]) === "6", "the step under way goes on");
    for (const call of [() => step(stepper, [tensor(1)]), () => readState(stepper)]) {
      assert(/stepper is disposed of/.test(thrown(call)), "nothing works afterwards");
    }
    assert(/session is disposed of/.test(thrown(() => createStepper(session, held))), "nor here");
  },

  async overlap() {
    const { createSession, createStepper, step, readState, writeState } = addon();
    const session = await createSession(doubling, none);
    const stepper = createStepper(session, [{ input: 1, next: 1, start: tensor(1) }]);
    const running = step(stepper, [tensor(0)]);
    const meanwhile = [
      () => step(stepper, [tensor(0)]),
      () => readState(stepper),
      () => writeState(stepper, 0, tensor(9)),
    ];
    for (const call of meanwhile) assert(/step is under way/.test(thrown(call)), "one at a time");
    await running;
    // A getter that starts a step while a feed, or the state, is read.
    let inner: unknown;
    const trap = {
      type: 1,
      data: tensor(3).data,
      get dims() {
        inner ??= step(stepper, [tensor(0)]);
        return [1];
      },
    };
    assert(/step is under way/.test(thrown(() => writeState(stepper, 0, trap))), "by a getter");
    await inner;
    inner = undefined;
    assert(/step is under way/.test(thrown(() => step(stepper, [trap]))), "by a getter");
    await inner;
    assert(floats(readState(stepper)[0]) === "8", "three steps were taken");
  },

  async beside() {
    const { createSession, createStepper, step, runBeside, disposeStepper, dispose } = addon();
    const session = await createSession(doubling, none);
    const other = await createSession(doubling, none);
    const stepper = createStepper(session, [{ input: 1, next: 1, start: tensor(3) }]);
    const running = runBeside(stepper, other, [null, 0], [tensor(5)]);
    assert(/step is under way/.test(thrown(() => step(stepper, [tensor(0)]))), "one at a time");
    disposeStepper(stepper);
    dispose(other);
    const [y, next] = await running;
    assert(floats(y) === "8" && floats(next) === "6", "it runs by the state, though disposed of");
  },

  async arguments() {
    const exported = addon();
    const session = await exported.createSession(doubling, none);
    const held = { input: 1, next: 1, start: tensor(1) };
    const stepper = exported.createStepper(session, [held]);
    const pool = [
      undefined,
      null,
      0,
      1,
      -1,
      1e300,
      "x",
      5n,
      Symbol("s"),
      {},
      [],
      [null],
      tensor(1),
      [tensor(1)],
      [tensor(1), tensor(2)],
      [{ ...tensor(1), type: 8, data: ["a"] }],
      [{ ...tensor(1), dims: [3] }],
      session,
      stepper,
      Object.create(stepper),
      new Proxy(stepper, {}),
      [held],
      [held, held],
      [null, 0],
      [0, 0],
      [{ ...held, input: 7 }],
      [{ ...held, next: -1 }],
      [{ ...held, next: null }],
      [{ ...held, start: {} }],
      [{ input: 0, next: 1, start: tensor(1) }, { ...held }],
      new Uint8Array(3),
      () => {},
    ];
    const functions = exported as unknown as Record<string, (...values: unknown[]) => unknown>;
    let refused = 0;
    let state = 1;
    const pick = () => {
      state = (state * 48271) % 2147483647;
      return pool[state % pool.length];
    };
    for (const name of ["createStepper", "step", "runBeside", "readState", "writeState"]) {
      for (let i = 0; i < 3000; i++) {
        const known = name === "createStepper" ? session : stepper;
        const second = name === "runBeside" && i % 3 === 0 ? session : pick();
        try {
          await functions[name]?.(i % 2 === 0 ? known : pick(), second, pick(), pick());
        } catch {
          refused++;
        }
      }
    }
    for (const value of pool) {
      if (value === stepper) continue;
      try {
        functions.disposeStepper?.(value);
      } catch {
        refused++;
      }
    }
    assert(refused > 8000, `nearly all of that is refused, ${refused}`);
    exported.writeState(stepper, 0, tensor(2));
    const [y] = await exported.step(stepper, [tensor(5)]);
    assert(floats(y) === "7", "the stepper lives");
  },

  async workers() {
    await Promise.all([train(), ...Array.from({ length: 3 }, () => finished(worker("train")))]);
  },

  async terminate() {
    for (const task of ["long", "quick"]) {
      for (let i = 0; i < 8; i++) {
        const running = worker(task);
        await new Promise((resolve) => running.once("message", resolve));
        await sleep(i * 3);
        await running.terminate();
      }
    }
    await train();
  },

  async exit() {
    const stepper = await powers(400, 300);
    for (let i = 0; i < 4; i++) void stepper.step({ x: identity(300) });
    await sleep(20);
    console.log("survived");
    process.exit(0);
  },

  async leak() {
    const g = new Graph("leak");
    const s = g.parameter("s", 1, [25000]);
    const unread = g.parameter("t", 2, [25000]);
    g.output("y", s.add(unread)).update(s, s.mul(1.5));
    const bytes = g.toModel();
    const state = { s: new Float32Array(25000), t: new Float32Array(25000) };
    const round = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const stepper = await createStepper(bytes, {
          backend: "native",
          intraOpNumThreads: 1,
          state,
        });
        await stepper.step();
        await stepper.setState({ s: state.t });
        await stepper.step();
        if (i % 2 === 0) await stepper.dispose();
        if (i % 50 === 0) collect();
      }
      collect();
      await sleep(10);
      collect();
    };
    await round(200);
    const before = process.memoryUsage().rss;
    await round(1000);
    const grown = (process.memoryUsage().rss - before) / 2 ** 20;
    // One tensor of 100 kB leaked by each would be 100 MB. The test gives malloc one arena: with an arena
    // a thread, what the threads have freed but not given back grows by 30 MB on a busy machine.
    assert(grown < 30, `1000 steppers grew the process by ${grown.toFixed(1)} MB`);
  },
};

function thrown(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return String(error);
  }
  return "nothing";
}

async function train(): Promise<void> {
  for (let i = 0; i < 10; i++) {
    const g = new Graph("train");
    const w = g.parameter("w", 0, [1000]);
    const x = g.input("x", "float32", []);
    g.output("sum", w.sum()).update(w, w.add(x));
    const stepper = await createStepper(g, { backend: "native" });
    for (let j = 0; j < 50; j++) await stepper.step({ x: 1 });
    const { sum } = await stepper.step({ x: 1 });
    assert(first(sum) === 50_000, "fifty steps of 1 for a thousand entries");
    await stepper.dispose();
  }
}

async function forever(task: "long" | "quick"): Promise<void> {
  const n = task === "long" ? 150 : 2;
  const stepper = await powers(task === "long" ? 60 : 1, n);
  await stepper.step({ x: identity(n) });
  parentPort?.postMessage("running");
  for (;;) {
    await Promise.all([1, 2, 3].map(() => stepper.step({ x: identity(n) })));
    assert(first((await stepper.state()).p) === 1, "the identity stays");
  }
}

function worker(task: string): Worker {
  return new Worker(program, { argv: [task] });
}

function finished(running: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    running.once("error", reject);
    running.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`exit ${code}`))));
  });
}

const task = process.argv[2] ?? "";
if (isMainThread) {
  await cases[task]?.();
  console.log("survived");
} else await (task === "train" ? train() : forever(task === "long" ? "long" : "quick"));
