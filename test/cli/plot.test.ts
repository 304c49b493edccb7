import { readFileSync } from "node:fs";
import { program, softonnx, testFolder, writeRanker } from "./support.ts";

const path = testFolder();

test("draws a model with its shapes", async () => {
  await writeRanker(path("ranker.onnx"));
  const { status, err } = program("plot", path("ranker.onnx"));
  expect([status, err]).toEqual([0, `wrote ${path("ranker.svg")}`]);
  const svg = readFileSync(path("ranker.svg"), "utf8");
  expect(svg).toMatch(/^<\?xml|^<svg/);
  expect(svg).toContain(">MatMul</text>");
  expect(svg).toContain(">dense_0/weight [3, 4]</text>");
  expect(svg).toContain(">float32 [n, 3]</text>");
});

test("--depth gathers nodes by the first parts of their names", async () => {
  await writeRanker(path("ranker.onnx"));
  program("plot", path("ranker.onnx"), "--depth", "1", "-o", path("small.svg"));
  const svg = readFileSync(path("small.svg"), "utf8");
  expect(svg).toMatch(/>rank_0<\/text>\s*<text[^>]*>\d+ nodes<\/text>/);
});

test("options that do not fit the file are mistakes", async () => {
  await writeRanker(path("ranker.onnx"));
  const { status, err } = await softonnx("plot", path("ranker.onnx"), "--columns", "loss");
  expect([status, err]).toEqual([2, "softonnx plot: --columns is for tables, not for models"]);
});
