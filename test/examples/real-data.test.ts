import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

const folder = mkdtempSync(join(tmpdir(), "softonnx-example-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(script: string): string {
  const path = join(ROOT, "examples", script);
  return execFileSync(process.execPath, [path], { cwd: folder, encoding: "utf8" });
}

/** The number that a table has beside a label. */
function numberBeside(label: string, printed: string): number {
  return Number(new RegExp(`^ *${label} +([\\d.]+)`, "m").exec(printed)?.[1]);
}

test("a soft rank correlation orders films held out better than their squared error", () => {
  const printed = run("movies/rank.mjs");
  const squared = numberBeside("squared error", printed);
  const soft = numberBeside("soft rank correlation", printed);
  expect(squared).toBeGreaterThan(0.5);
  expect(soft).toBeGreaterThan(squared + 0.03);
  expect(existsSync(join(folder, "out/examples/movies.onnx"))).toBe(true);
  expect(readFileSync(join(folder, "out/examples/movies.svg"), "utf8")).toMatch(/^<svg/);
});

test("the convolutional net reads more than 95 % of the digits held out", () => {
  const printed = run("digits/train.mjs");
  expect(numberBeside("top 1", printed)).toBeGreaterThan(95);
  expect(numberBeside("top 3", printed)).toBeGreaterThan(99);
  expect(existsSync(join(folder, "out/examples/digits.onnx"))).toBe(true);
  expect(readFileSync(join(folder, "out/examples/digits.svg"), "utf8")).toMatch(/^<svg/);
});
