import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { fromBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema } from "onnx-buf";
import { type GoldenTensor, readGolden } from "../golden/cases.ts";
import { worstError } from "../golden/tolerance.ts";
import { type Feed, OrtProcess, type ResultTensor } from "../support/ort-process.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const EXAMPLES = join(ROOT, "examples");

type Numbers = number | readonly number[];

/** One worked example: where it starts, where plain gradient descent leads, what was published. */
interface Golden {
  readonly id: string;
  readonly start: GoldenTensor;
  readonly steps: number;
  readonly loss_soft: GoldenTensor;
  readonly learned: GoldenTensor;
  readonly path: readonly Numbers[];
  readonly published: {
    readonly grad_hard: Numbers;
    readonly grad_soft: Numbers;
    readonly learned_or_selected: Numbers;
  };
}

/** An example file, the golden it reproduces, and what it says at last. */
interface Example {
  readonly file: string;
  readonly golden: string;
  readonly parameter: string;
  readonly last: string;
}

const examples: readonly Example[] = [
  {
    file: "median-regression",
    golden: "robust_median_regression",
    parameter: "w",
    last: "learned w",
  },
  {
    file: "topk-feature-selection",
    golden: "topk_feature_selection",
    parameter: "scores",
    last: "selected features",
  },
  {
    file: "threshold-filter",
    golden: "threshold_filter",
    parameter: "threshold",
    last: "learned threshold",
  },
  {
    file: "rule-classifier",
    golden: "rule_classifier_st",
    parameter: "bounds",
    last: "learned [lo, hi]",
  },
];

const goldens = readGolden("examples.json") as readonly Golden[];

/** Half of the last digit that was printed. */
const PRINTED = 0.5e-4 + 1e-9;

/** Of a parameter after up to fifty steps in float64. */
const PATH = 1e-12;

test("each example is tested", () => {
  const files = readdirSync(EXAMPLES).filter((name) => name.endsWith(".mjs"));
  expect(files.sort()).toEqual(examples.map(({ file }) => `${file}.mjs`).sort());
});

describe.each(examples)("examples/$file.mjs", ({ file, golden: name, parameter, last }) => {
  const golden = goldens.find(({ id }) => id === `examples/${name}`) as Golden;
  let folder: string;
  let ort: OrtProcess | undefined;
  let output: { readonly stdout: string; readonly stderr: string };

  beforeAll(async () => {
    if (!existsSync(join(ROOT, "dist/node.js"))) {
      throw new Error("the examples use the built package: npm run build");
    }
    folder = mkdtempSync(join(tmpdir(), "softonnx-example-"));
    const script = join(EXAMPLES, `${file}.mjs`);
    output = await promisify(execFile)(process.execPath, [script], { cwd: folder });
    ort = new OrtProcess("cpu");
  });
  afterAll(() => {
    ort?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("prints the published gradients and what was learned", () => {
    const { published } = golden;
    expect(distance(output.stdout, "hard gradient", published.grad_hard)).toBeLessThan(PRINTED);
    expect(distance(output.stdout, "soft gradient", published.grad_soft)).toBeLessThan(PRINTED);
    expect(distance(output.stdout, last, published.learned_or_selected)).toBeLessThan(PRINTED);
    expect(output.stderr).toBe("");
  });

  test.each(["disabled", "all"] as const)(
    "exports its training step as one model, which walks the path in stock ONNX Runtime at level %s",
    async (level) => {
      const bytes = new Uint8Array(readFileSync(join(folder, `out/examples/${file}.onnx`)));
      const model = fromBinary(ModelProtoSchema, bytes);
      expect(stateOf(model)).toEqual([[parameter, `${parameter}.next`]]);

      if (ort === undefined) throw new Error("ONNX Runtime is not there");
      const data = dataFeeds(file, model);
      const { shape } = golden.start;
      let at: ResultTensor = { dims: shape, data: golden.start.data };
      let worst = 0;
      for (const [i, expected] of golden.path.entries()) {
        const state = feed(at.dims, Array.from(at.data));
        const results = await ort.run({
          model: bytes,
          level,
          feeds: { ...data, [parameter]: state },
        });
        at = results[`${parameter}.next`] as ResultTensor;
        worst = Math.max(worst, worstError(at, { shape, data: [expected].flat() }));
        if (i === 0) {
          const error = worstError(results.loss as ResultTensor, golden.loss_soft);
          expect(error).toBeLessThan(PATH);
        }
      }
      expect(golden.path).toHaveLength(golden.steps);
      expect(worst).toBeLessThan(PATH);
      expect(worstError(at, golden.learned)).toBeLessThan(PATH);
      expect(ort.stderr).toBe("");
    },
  );
});

/** The largest difference between the numbers printed after a label and those expected. */
function distance(stdout: string, label: string, expected: Numbers): number {
  const line = stdout.split("\n").find((each) => each.startsWith(`${label} `));
  if (line === undefined) throw new Error(`nothing is printed about ${label}:\n${stdout}`);
  const [text = ""] = /\[[^\]]*\]|\S+/.exec(line.slice(label.length)) ?? [];
  const printed = [JSON.parse(text)].flat() as number[];
  const want = [expected].flat();
  if (printed.length !== want.length) return Number.POSITIVE_INFINITY;
  return Math.max(...want.map((number, i) => Math.abs(number - (printed[i] as number))));
}

/** The parameters of a training step with their next values. */
function stateOf(model: ModelProto): unknown {
  const text = model.metadataProps.find(({ key }) => key === "ai.softonnx.state")?.value;
  return JSON.parse(text ?? "null");
}

/** What the model is fed besides its parameter, from the example's data. */
function dataFeeds(file: string, model: ModelProto): Record<string, Feed> {
  const data = JSON.parse(readFileSync(join(EXAMPLES, `data/${file}.json`), "utf8"));
  const inputs = (model.graph?.input ?? []).filter(({ name }) => Object.hasOwn(data, name));
  return Object.fromEntries(
    inputs.map(({ name }) => {
      const rows = data[name] as readonly (number | readonly number[])[];
      const [row] = rows;
      const dims = Array.isArray(row) ? [rows.length, row.length] : [rows.length];
      return [name, feed(dims, rows.flat() as number[])];
    }),
  );
}

function feed(dims: readonly number[], data: readonly number[]): Feed {
  return { dtype: "float64", dims, data: Float64Array.from(data) };
}
