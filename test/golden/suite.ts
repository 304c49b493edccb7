import { type Job, OrtProcess, type Results } from "../support/ort-process.ts";
import { type GoldenCase, goldenCases, isAvailable } from "./cases.ts";
import { type Dims, type Expectation, type Pack, pack } from "./pack.ts";
import { type Precision, worstError } from "./tolerance.ts";

/** Cases in one model. More would be slower: ONNX Runtime's time to load a model grows with the square of the
 * loops in it. */
const PACK_SIZE = 2;

/** "cpu" is stock onnxruntime-node, where kernel operators run their bodies, and "cuda" the same on a GPU
 * (`npm run test:cuda`). */
export type GoldenBackend = "cpu" | "native" | "cuda";

export const BACKEND: GoldenBackend = backendOf(process.env.SOFTONNX_GOLDEN_BACKEND);

function backendOf(name: string | undefined): GoldenBackend {
  return name === "native" || name === "cuda" ? name : "cpu";
}

/** What to run the cases of a file with. */
export interface GoldenPlan {
  readonly backend: GoldenBackend;
  readonly levels: readonly Job["level"][];
  readonly sizes: readonly Dims[];
  /** Leaves out models that need no kernel operator. */
  readonly kernelsOnly: boolean;
}

const EVERYTHING: GoldenPlan = {
  backend: BACKEND,
  levels: ["disabled", "all"],
  sizes: ["static", "symbolic"],
  kernelsOnly: false,
};

/** Describes one golden file as tests: every available case, values and gradients, in both precisions,
 * by default with known and named sizes, with and without ONNX Runtime's optimizations. */
export function goldenSuite(family: string, plan: GoldenPlan = EVERYTHING): void {
  const { backend, levels, sizes, kernelsOnly } = plan;
  describe(`goldens of ${family}, ${backend}`, () => {
    let ort: OrtProcess;
    const cases = goldenCases(family).filter(isAvailable);
    const what = kernelsOnly ? "cases with kernel operators" : `${cases.length} cases`;

    beforeAll(() => {
      ort = new OrtProcess(backend);
    });
    afterAll(() => ort.close());

    for (const precision of ["float64", "float32"] as const) {
      for (const dims of sizes) {
        const packs = once(() =>
          packAll(cases, precision, dims).filter((each) => !kernelsOnly || each.kernels),
        );
        test.each(levels)(
          `${what}, ${precision}, ${dims} sizes, level %s`,
          async (level) => {
            const found = await Promise.all(packs().map((each) => check(ort, each, level)));
            expect(found.flat()).toEqual([]);
          },
          120_000,
        );
      }
    }

    test("ONNX Runtime has nothing to warn of", () => {
      expect(ort.stderr).toBe("");
    });
  });
}

/** What is wrong with the cases of a model, a line each. */
async function check(ort: OrtProcess, packed: Pack, level: Job["level"]): Promise<string[]> {
  const { cases, precision, dims, model, feeds, expectations, failures } = packed;
  if (expectations.length === 0) return [...failures];
  let results: Results;
  try {
    results = await ort.run({ model, level, feeds });
  } catch (error) {
    if (cases.length === 1) return [`${cases[0]?.id}: ${error}`];
    // One case spoils the model for all: look which.
    const middle = Math.ceil(cases.length / 2);
    const halves = [cases.slice(0, middle), cases.slice(middle)];
    const found = halves.map((half) => check(ort, pack(half, precision, dims), level));
    return (await Promise.all(found)).flat();
  }
  return [...failures, ...expectations.flatMap((expectation) => judge(expectation, results))];
}

function judge({ id, what, output, expected, tolerance }: Expectation, results: Results): string[] {
  const actual = results[output];
  if (actual === undefined) return [`${id}: ${what} is missing`];
  const error = worstError(actual, expected);
  if (error <= tolerance) return [];
  if (Number.isFinite(error))
    return [`${id}: ${what} is off by ${error.toExponential(2)}, allowed ${tolerance}`];
  const got = Array.from(actual.data).slice(0, 4).join(", ");
  return [`${id}: ${what} is [${actual.dims}] (${got}, …), expected [${expected.shape}]`];
}

function packAll(cases: readonly GoldenCase[], precision: Precision, dims: Dims): Pack[] {
  const packs: Pack[] = [];
  for (let start = 0; start < cases.length; start += PACK_SIZE) {
    packs.push(pack(cases.slice(start, start + PACK_SIZE), precision, dims));
  }
  return packs;
}

function once<Result>(make: () => Result): () => Result {
  let made: { readonly result: Result } | undefined;
  return () => {
    made ??= { result: make() };
    return made.result;
  };
}
