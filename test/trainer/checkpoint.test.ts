import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { Graph, layers, losses, optimizers, relu, tanh, type Value } from "../../src/index.ts";
import {
  CheckpointError,
  createTrainer,
  nativeStatus,
  type Trainer,
  TrainingError,
} from "../../src/node.ts";

const folder = mkdtempSync(join(tmpdir(), "softonnx-checkpoint-"));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
const freshPath = () => join(folder, `${count++}.safetensors`);

const trainers: Trainer[] = [];
afterEach(async () => {
  for (const trainer of trainers.splice(0)) await trainer.dispose();
});

function network({ hidden = 4, activation = tanh as (x: Value) => Value, rate = 0.05 } = {}) {
  const g = new Graph("net");
  const x = g.input("x", "float32", ["n", 2]);
  const y = g.input("y", "float32", ["n"]);
  const inner = layers.dense(g, 2, hidden, { name: "inner" });
  const outer = layers.dense(g, hidden, 1, { name: "outer" });
  const loss = losses.mse(outer(activation(inner(x))).squeeze(1), y);
  const optimizer = optimizers.adam({ rate });
  const trainer = createTrainer(g, { loss, optimizer, backend: "cpu" });
  trainers.push(trainer);
  return trainer;
}

function curve(samples = 30) {
  const x = Array.from({ length: samples }, (_, i) => [Math.sin(i), Math.cos(i)]);
  return { x, y: x.map(([a = 0, b = 0]) => a * b) };
}

async function stateOf(trainer: Trainer) {
  const state = await trainer.state();
  return Object.fromEntries(Object.entries(state).map(([name, { data }]) => [name, data]));
}

async function message(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error: Error) => error.message,
  );
}

describe("a killed training", () => {
  const program = join(__dirname, "..", "..", "out", "trainer", "resume-program.mjs");
  beforeAll(() => {
    buildSync({
      entryPoints: [join(__dirname, "resume-program.ts")],
      outfile: program,
      bundle: true,
      format: "esm",
      platform: "node",
      packages: "external",
      logLevel: "error",
    });
  });

  /** Runs until so many lines are printed, and kills. */
  async function killedAfter(lines: number, path: string, backend: string): Promise<string[]> {
    const child = spawn(process.execPath, [program, path, backend]);
    const seen: string[] = [];
    for await (const line of createInterface(child.stdout)) {
      seen.push(line);
      if (seen.length === lines) child.kill("SIGKILL");
    }
    return seen;
  }

  const backends = nativeStatus().available ? ["cpu", "native"] : ["cpu"];
  test.each(backends)("goes on to the same numbers on the backend %s", async (backend) => {
    const run = promisify(execFile);
    const whole = await run(process.execPath, [program, freshPath(), backend]);
    const expected = whole.stdout.trim().split("\n");

    const path = freshPath();
    for (const lines of [1, 6, 15]) {
      for (const line of await killedAfter(lines, path, backend)) expect(expected).toContain(line);
    }
    const rest = (await run(process.execPath, [program, path, backend])).stdout.trim().split("\n");
    expect(rest).toEqual(expected.slice(-rest.length));
    expect(rest.length).toBeLessThan(expected.length);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe("a checkpoint", () => {
  test("holds all that training needs: stopped anywhere, it goes on to the same numbers", async () => {
    const options = { epochs: 4, batchSize: 7, every: "step", validation: 0.2 } as const;
    const straight = network();
    const expected = await straight.fit(curve(), options).all();
    for (const stop of [1, 4, 5, 11]) {
      const path = freshPath();
      const first = network();
      for await (const record of first.fit(curve(), options)) {
        if (record.kind === "step" && record.step === stop) break;
      }
      await first.save(path);
      const second = network();
      await second.restore(path);
      expect([second.step, second.epoch]).toEqual([stop, Math.floor((stop - 1) / 4)]);
      const epochs = 4 - second.epoch;
      const rest = await second.fit(curve(), { ...options, epochs }).all();
      const comparable = (records: typeof rest) => records.map((it) => ({ ...it, seconds: 0 }));
      expect(comparable(rest)).toEqual(comparable(expected.slice(-rest.length)));
      expect(await stateOf(second)).toEqual(await stateOf(straight));
    }
  });

  test("of a fit that is over takes no further step, and more epochs go on", async () => {
    const path = freshPath();
    await network().fit(curve(), { epochs: 2, checkpoint: path }).all();
    const again = network();
    expect(await again.fit(curve(), { epochs: 2, checkpoint: path }).all()).toEqual([]);
    expect(again.epoch).toBe(2);
    const more = network();
    const records = await more.fit(curve(), { epochs: 3, checkpoint: path }).all();
    expect(records.map(({ epoch }) => epoch)).toEqual([3]);
    const straight = network();
    await straight.fit(curve(), { epochs: 3 }).all();
    expect(await stateOf(more)).toEqual(await stateOf(straight));
  });

  test("is of one fit", async () => {
    const path = freshPath();
    const trainer = network();
    await trainer.fit(curve(), { checkpoint: path }).all();
    expect(await message(trainer.fit(curve(), { checkpoint: path }).all())).toBe(
      `fit: the checkpoint ${path} is of a fit that began after epoch 0, and this one begins after ` +
        "epoch 1: for more epochs raise `epochs` there, or give this one a file of its own",
    );
    // Two fits with a file each are resumed one after the other.
    const other = freshPath();
    await trainer.fit(curve(), { epochs: 2, checkpoint: other }).all();
    const resumed = network();
    await resumed.fit(curve(), { checkpoint: path }).all();
    expect(await resumed.fit(curve(), { epochs: 2, checkpoint: other }).all()).toEqual([]);
    expect(await stateOf(resumed)).toEqual(await stateOf(trainer));
  });

  test("that is damaged is refused, wherever the damage is", async () => {
    const path = freshPath();
    const trainer = network();
    await trainer.fit(curve(), { checkpoint: path }).all();
    const before = await stateOf(trainer);
    const bytes = readFileSync(path);
    const broken = freshPath();
    const refuses = async (damaged: Uint8Array) => {
      writeFileSync(broken, damaged);
      const error = await trainer.restore(broken).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(CheckpointError);
      return (error as Error).message;
    };
    expect(await refuses(bytes.subarray(0, 5))).toBe(
      `the checkpoint ${broken} is damaged or no checkpoint: it has only 5 bytes`,
    );
    for (const end of [8, 9, 500, bytes.length - 1]) {
      expect(await refuses(bytes.subarray(0, end))).toContain("is damaged or no checkpoint");
    }
    for (let at = 0; at < bytes.length; at += 97) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      expect(await refuses(damaged)).toContain(broken);
    }
    expect(await refuses(new TextEncoder().encode("weights, not a checkpoint"))).toContain(
      "is damaged or no checkpoint",
    );
    expect(await stateOf(trainer)).toEqual(before);
    expect(await message(trainer.restore(join(folder, "none")))).toBe(
      `there is no checkpoint ${join(folder, "none")}`,
    );
  });

  test("of another graph is refused with what differs", async () => {
    const path = freshPath();
    await network().fit(curve(), { checkpoint: path }).all();
    const larger = await message(network({ hidden: 5 }).restore(path));
    expect(larger).toContain(
      `the checkpoint ${path} is of another graph: "inner/weight" is float32 [2, 4] instead of ` +
        'float32 [2, 5]; "inner/bias" is float32 [4] instead of float32 [5]',
    );
    const g = new Graph("other");
    const w = g.parameter("w", 1);
    const other = createTrainer(g, {
      loss: w.square(),
      optimizer: optimizers.sgd(),
      backend: "cpu",
    });
    trainers.push(other);
    expect(await message(other.restore(path))).toMatch(
      /is of another graph: it lacks "w"; it has "inner\/weight", which the graph lacks/,
    );
    const activated = network({ activation: relu });
    expect(await message(activated.fit(curve(), { checkpoint: path }).all())).toMatch(
      /whose parameters are the same: it has .*\b1 Tanh instead of 0.*; to take it all the same, set otherGraph$/,
    );
    await activated.restore(path, { otherGraph: true });
    expect(activated.epoch).toBe(1);
    expect(await message(network({ rate: 0.1 }).restore(path))).toContain(
      "the same operators, but other constants or connections",
    );
  });

  test("from within an epoch is refused for other batches", async () => {
    const path = freshPath();
    const trainer = network();
    for await (const { step } of trainer.fit(curve(), { batchSize: 4, every: "step" })) {
      if (step === 3) break;
    }
    await trainer.save(path);
    const other = network();
    await other.restore(path);
    expect(await message(other.fit(curve(20), { batchSize: 5 }).all())).toBe(
      "the checkpoint is from within an epoch that had other batches: " +
        "samples 30 instead of 20, batchSize 4 instead of 5",
    );
  });

  test("stays as it is where the loss is no longer finite", async () => {
    const path = freshPath();
    const data = curve();
    data.y[29] = Number.NaN;
    const options = {
      batchSize: 5,
      shuffle: false,
      checkpoint: { path, everySteps: 2 },
    };
    const error = await network()
      .fit(data, options)
      .all()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TrainingError);
    expect((error as Error).message).toBe(
      `the loss is NaN in step 6, in epoch 1; the checkpoint ${path} is that of step 4`,
    );
    const good = network();
    await good.restore(path);
    expect(good.step).toBe(4);
    data.y[29] = 0;
    const [record] = await good.fit(data, options).all();
    expect(record?.loss).toBeGreaterThan(0);
  });

  test("is not written of parameters that are no longer finite", async () => {
    const g = new Graph("root");
    const x = g.input("x", "float32", ["n"]);
    const w = g.parameter("w", [0]);
    // The loss is 0 here, and its slope is 0 times infinity.
    const loss = w.square().sqrt().mul(x.mean()).mean();
    const trainer = createTrainer(g, {
      loss,
      optimizer: optimizers.sgd(),
      backend: "cpu",
    });
    trainers.push(trainer);
    const path = freshPath();
    await trainer.save(path);
    const before = readFileSync(path);
    expect(await message(trainer.fit({ x: [1] }, { checkpoint: path }).all())).toBe(
      `"w" is no longer finite after step 1; the checkpoint ${path} is that of step 0`,
    );
    expect(readFileSync(path)).toEqual(before);
  });
});

test("on a full disk the checkpoint that there was stays, and nothing else", async () => {
  const disk = join(folder, "disk");
  mkdirSync(disk);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
  if (mounted.status !== 0) {
    process.stdout.write(`skipped: no small disk can be mounted: ${mounted.stderr}\n`);
    return;
  }
  try {
    const path = join(disk, "c.safetensors");
    const trainer = network({ hidden: 200 });
    await trainer.save(path);
    const before = readFileSync(path);
    writeFileSync(join(disk, "ballast"), Buffer.alloc(48 * 1024));
    await trainer.fit(curve()).all();
    expect(await message(trainer.save(path))).toMatch(/ENOSPC/);
    expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(disk).sort()).toEqual(["ballast", "c.safetensors"]);
    const restored = network({ hidden: 200 });
    await restored.restore(path);
    expect(restored.step).toBe(0);
  } finally {
    spawnSync("umount", [disk]);
  }
});
