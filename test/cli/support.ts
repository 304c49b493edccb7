import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Graph, layers, losses, relu, soft, tanh } from "softonnx";
import { saveModel } from "softonnx/node";
import { runCli } from "../../src/cli/cli.ts";

export interface Outcome {
  readonly status: number;
  /** What was printed as the result. */
  readonly out: string;
  /** What was said besides. */
  readonly err: string;
}

/** Runs one command line in this process. */
export async function softonnx(...words: readonly string[]): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const status = await runCli(words, {
    print: (text) => out.push(text),
    note: (text) => err.push(text),
  });
  return { status, out: out.join("\n"), err: err.join("\n") };
}

/** Runs one command line as the installed program does: for what loads packages that jest cannot. */
export function program(...words: readonly string[]): Outcome {
  const main = resolve(import.meta.dirname, "../../dist/cli/main.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
    encoding: "utf8",
  });
  return { status: status ?? -1, out: stdout.trimEnd(), err: stderr.trimEnd() };
}

/** A folder for the tests of a file, removed after them. */
export function testFolder(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), "softonnx-cli-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return (name) => join(folder, name);
}

/** A model with a vector output, two weights and a soft operator: score [n] and ranks [n] of x [n, 3]. */
export async function writeRanker(path: string): Promise<void> {
  const g = new Graph("ranker");
  const x = g.input("x", "float32", ["n", 3]);
  const hidden = relu(layers.dense(g, 3, 4, { seed: 1 })(x));
  const score = layers.dense(g, 4, 1, { seed: 1, bias: false })(hidden).squeeze(1);
  const ranks = soft.rank(score, { method: "fastSoftSort" });
  await saveModel(path, g.toModel({ outputs: { score, ranks } }));
}

/** A model with one scalar output: loss of x [n] and y [n], by a weight `w` [2]. */
export async function writeLoss(path: string): Promise<void> {
  const g = new Graph("curve");
  const x = g.input("x", "float64", ["n", 2]);
  const y = g.input("y", "float64", ["n"]);
  const w = g.parameter("w", [0.5, -0.25], "float64");
  await saveModel(path, g.toModel({ outputs: { loss: losses.mse(tanh(x.matmul(w)), y) } }));
}
