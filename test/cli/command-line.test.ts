import { writeFileSync } from "node:fs";
import { VERSION } from "softonnx";
import { program, softonnx, testFolder, writeRanker } from "./support.ts";

const path = testFolder();

describe("help", () => {
  test("without a command lists the commands and is a mistake", async () => {
    const { status, out, err } = await softonnx();
    expect([status, out]).toEqual([2, ""]);
    expect(err).toMatch(/^ {2}inspect +say what a model holds/m);
  });

  test.each([["help"], ["--help"], ["-h"]])("%s lists the commands", async (word) => {
    const { status, out, err } = await softonnx(word);
    expect([status, err]).toEqual([0, ""]);
    expect(out).toMatch(/^ {2}grad +add gradients to a model$/m);
  });

  test.each([
    ["help", "grad"],
    ["grad", "--help"],
    ["grad", "-h"],
  ])("%s %s explains the command and its options", async (...words) => {
    const { status, out } = await softonnx(...words);
    expect(status).toBe(0);
    expect(out).toMatch(/^softonnx grad MODEL/);
    expect(out).toMatch(/-o, --output FILE +where to write/);
  });

  test("--version prints the version", async () => {
    expect(await softonnx("--version")).toEqual({ status: 0, out: VERSION, err: "" });
  });
});

describe("a wrong command line ends with status 2 and says what is right", () => {
  test.each([
    [["insect"], 'softonnx: unknown command "insect"; did you mean inspect?'],
    [["help", "gard"], 'softonnx: unknown command "gard"; did you mean grad?'],
    [["grad", "a.onnx", "--off"], "softonnx grad: unknown option --off; did you mean --of?"],
    [["grad", "a.onnx", "-z"], "softonnx grad: unknown option -z; --help lists what there is"],
    [["grad", "a.onnx", "--of"], "softonnx grad: --of needs a value, OUTPUT"],
    [["grad", "a.onnx", "--of=a", "--of=b"], "softonnx grad: --of was given twice"],
    [["inspect", "a.onnx", "--json=1"], 'softonnx inspect: --json takes no value, got "1"'],
    [
      ["inspect"],
      "softonnx inspect: expected MODEL [--all] [--json], that is 1 without a dash, got none",
    ],
    [
      ["plot", "a.onnx", "--depth", "0"],
      'softonnx plot: --depth: expected a whole number from 1, got "0"',
    ],
  ])("%p", async (words, message) => {
    expect(await softonnx(...words)).toEqual({ status: 2, out: "", err: message });
  });
});

describe("what fails ends with status 1 and no stack", () => {
  test("a file that is not there", async () => {
    const file = path("absent.onnx");
    const { status, err } = await softonnx("inspect", file);
    expect([status, err]).toEqual([1, `softonnx inspect: there is no ${file}`]);
  });

  test("a folder", async () => {
    const { status, err } = await softonnx("inspect", path("."));
    expect(status).toBe(1);
    expect(err).toMatch(/is a folder, not a file$/);
  });

  test("a file that is no model", async () => {
    writeFileSync(path("text.onnx"), "this is no model\n");
    const { status, err } = await softonnx("inspect", path("text.onnx"));
    expect(status).toBe(1);
    expect(err).toMatch(/^softonnx inspect: .*byte/);
    expect(err).not.toContain("    at ");
  });
});

test("the installed program does the same", async () => {
  await writeRanker(path("ranker.onnx"));
  expect(program("--version")).toEqual({ status: 0, out: VERSION, err: "" });
  expect(program("insect")).toMatchObject({ status: 2, out: "" });
  const { status, out, err } = program("inspect", path("ranker.onnx"));
  expect([status, err]).toEqual([0, ""]);
  expect(out).toContain("FastSoftRanks_smooth_standardized_float32  has a gradient");
});
