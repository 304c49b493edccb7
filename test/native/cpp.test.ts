import { execFile, execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { model, port, threshold } from "./models.ts";

const root = join(__dirname, "..", "..");
const kernels = join(root, "native", "kernels");
const out = join(root, "out", "native");
const compiler = process.env.CXX ?? "g++";
const flags = "-std=c++17 -O1 -g1 -Wall -Wextra -Wpedantic -Werror".split(" ");
const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/** What each instruction set is compiled with, as in binding.gyp. */
const instructionSets: Readonly<Record<string, readonly string[]>> = {
  ...(process.arch === "x64" && {
    avx512: [
      ..."-mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma".split(" "),
      ..."-mprefer-vector-width=512 -Wno-unknown-warning-option".split(" "),
      ..."-Wno-uninitialized -Wno-maybe-uninitialized".split(" "),
    ],
    avx2: ["-mavx2", "-mfma"],
  }),
  plain: [],
};

function compiles(extra: readonly string[]): boolean {
  const program = ["-x", "c++", "-", "-o", "/dev/null", ...extra];
  return spawnSync(compiler, program, { input: "int main() {}" }).status === 0;
}

function compile(name: string, extra: readonly string[]): string {
  mkdirSync(out, { recursive: true });
  const program = join(out, name);
  const source = join(__dirname, "cpp", `${name}.cpp`);
  execFileSync(compiler, [...flags, source, "-o", program, ...extra]);
  return program;
}

const execute = promisify(execFile);

/** Runs the tasks, two at a time, and gives their results in order. */
async function inPairs<T>(tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const work = async () => {
    while (next < tasks.length) {
      const own = next++;
      results[own] = await (tasks[own] as () => Promise<T>)();
    }
  };
  await Promise.all([work(), work()]);
  return results;
}

/** Compiles with sanitizers, by default those of addresses and undefined behaviour; the output's path. */
async function sanitizedBuild(
  name: string,
  extra: readonly string[],
  kind: readonly string[] = sanitizers,
): Promise<string> {
  const file = join(out, name);
  await execute(compiler, [...flags, ...kind, ...extra, "-o", file]);
  return file;
}

function sourcesOf(folder: string): string[] {
  const directory = join(root, "native", folder);
  return readdirSync(directory)
    .filter((file) => file.endsWith(".cpp"))
    .map((file) => join(directory, file));
}

/** What the operators and their registration are made of, without the kernels. */
const operatorSources = [
  ...sourcesOf("ops"),
  ...sourcesOf("library").filter((file) => !file.endsWith("entry.cpp")),
];

const onPosix = process.platform !== "win32" && compiles([]) ? test : test.skip;
const describeSanitized =
  process.platform !== "win32" && compiles(sanitizers) ? describe : describe.skip;

/** Programs of the directory cpp that test kernels, with what they print. */
const kernelTests = {
  curves: /^((plain|avx2|avx512) float(32|64): value .* epsilon\n)+$/,
  fast_soft_sort: /^((plain|avx2|avx512) float(32|64): y .*\n)+$/,
  isotonic: /^(float(32|64): v .*\n)+$/,
  second_order: /^((plain|avx2|avx512): (decay|layers) .*\n)+$/,
  neuralsort: /^((plain|avx2|avx512) float(32|64): y .*\n)+$/,
  network: /^((plain|avx2|avx512) float(32|64): (y|permutation) .*\n)+$/,
  softsort: /^((plain|avx2|avx512) float(32|64): y .*\n)+$/,
  standardization: /^((plain|avx2|avx512) float(32|64): forward .* epsilons\n)+$/,
  transport: /^((plain|avx2|avx512): (marginals|solve) .*\n)+$/,
  threshold: /^((plain|avx2|avx512) float(32|64): .* epsilon\n)+$/,
};

describeSanitized("with AddressSanitizer and UndefinedBehaviorSanitizer", () => {
  const x64 = process.arch === "x64" ? ["-DSOFTONNX_X64_KERNELS"] : [];
  const source = (name: string) => join(__dirname, "cpp", `${name}.cpp`);
  let objects: string[] = [];

  beforeAll(async () => {
    mkdirSync(out, { recursive: true });
    const others = sourcesOf("kernels").filter((file) => !file.endsWith("instruction_set.cpp"));
    objects = await inPairs([
      ...Object.entries(instructionSets).map(
        ([name, extra]) =>
          () =>
            sanitizedBuild(
              `${name}.o`,
              [...extra, `-DSOFTONNX_ISA=${name}`, "-c", join(kernels, "instruction_set.cpp")],
              // The same source in vectors of other widths: errors are looked for in the narrowest and the
              // widest, which takes a minute to compile for each.
              name === "avx2" ? [] : sanitizers,
            ),
      ),
      ...others.map((file, i) => () => sanitizedBuild(`other${i}.o`, [...x64, "-c", file])),
    ]);
  }, 600_000);

  test("exp, log and the vectors agree with long double in every instruction set", async () => {
    const processor = join(kernels, "processor.cpp");
    const variants = { ...instructionSets, arrays: ["-DSOFTONNX_ARRAY_VECTORS"] };
    const outputs = await inPairs(
      Object.entries(variants).map(([name, extra]) => async () => {
        const program = await sanitizedBuild(`math-${name}`, [...extra, source("math"), processor]);
        return (await execute(program)).stdout;
      }),
    );
    for (const output of outputs) {
      expect(output).toMatch(/^exp: .*\nlog: .*\n$|^not on this processor\n$/);
    }
  }, 120_000);

  test("SOFTONNX_ISA chooses among the instruction sets that run here, the best otherwise", async () => {
    const program = await sanitizedBuild("choice", [source("threshold"), ...objects]);
    const choice = async (wish?: string) => {
      const env = { ...process.env, SOFTONNX_ISA: wish };
      const { stdout } = await execute(program, ["list"], { env });
      const [runnable, chosen] = stdout.trim().split(" -> ") as [string, string];
      return { runnable: runnable.split(" "), chosen };
    };
    const { runnable, chosen } = await choice();
    expect(chosen).toBe(runnable.at(-1));
    for (const name of runnable) expect((await choice(name)).chosen).toBe(name);
    expect((await choice("none")).chosen).toBe(chosen);
  }, 120_000);

  test.each(Object.entries(kernelTests))(
    "%s",
    async (name, printed) => {
      const program = await sanitizedBuild(name, [source(name), ...objects]);
      const { stdout, stderr, status } = spawnSync(program, { encoding: "utf8" });
      expect({ stdout, stderr, status }).toMatchObject({
        stdout: expect.stringMatching(printed),
        stderr: "",
        status: 0,
      });
    },
    60_000,
  );

  test("operators end in a result or an error for operands of any rank and size", async () => {
    const program = await sanitizedBuild("operators", [
      source("operators"),
      ...operatorSources,
      ...objects,
    ]);
    expect((await execute(program)).stdout).toMatch(/^\d+ operators\n$/);
  }, 120_000);
});

const threadSanitizer = ["-fsanitize=thread"];
const onThreads = process.platform !== "win32" && compiles(threadSanitizer) ? test : test.skip;

// One instruction set is enough: what the threads share is the same in all.
onThreads(
  "operators on several threads are clean under ThreadSanitizer, with the same results",
  async () => {
    mkdirSync(out, { recursive: true });
    const program = await sanitizedBuild(
      "threads",
      [
        "-DSOFTONNX_ISA=plain",
        join(__dirname, "cpp", "operators.cpp"),
        ...operatorSources,
        ...sourcesOf("kernels"),
      ],
      threadSanitizer,
    );
    expect((await execute(program)).stdout).toMatch(/^\d+ operators\n$/);
  },
  300_000,
);

/** Compilers beside the one that the sanitizers use, with what they compile for. */
const others: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "clang++": { ...instructionSets, arrays: ["-DSOFTONNX_ARRAY_VECTORS"] },
  "aarch64-linux-gnu-g++": { plain: [] },
};
const nodeHeaders = join(dirname(dirname(process.execPath)), "include", "node");

// Where a compiler is not installed there is nothing to say about it.
test.each(Object.entries(others).filter(([name]) => spawnSync(name, ["--version"]).status === 0))(
  "%s accepts all of it without a warning",
  (name, targets) => {
    const check = (...parameters: readonly string[]) =>
      execFileSync(name, [...flags, "-fsyntax-only", ...parameters]);
    for (const [target, extra] of Object.entries(targets)) {
      const isa = target === "arrays" ? "plain" : target;
      check(...extra, `-DSOFTONNX_ISA=${isa}`, join(kernels, "instruction_set.cpp"));
    }
    const rest = sourcesOf("kernels").filter((file) => !file.endsWith("instruction_set.cpp"));
    check(...rest, ...sourcesOf("ops"), ...sourcesOf("library"));
    if (!existsSync(join(nodeHeaders, "node_api.h"))) return;
    check("-DNAPI_VERSION=8", "-isystem", nodeHeaders, ...sourcesOf("addon"));
  },
  120_000,
);

const operators = ["so", "dylib"]
  .map((extension) => join(root, "native", "build", "Release", `softonnx_ops.${extension}`))
  .find((file) => existsSync(file));
const onLibrary = operators === undefined ? test.skip : onPosix;

onLibrary("a host without Node loads the operators by their C entry point", () => {
  const program = compile("host", ["-ldl"]);
  const file = join(out, "threshold.onnx");
  writeFileSync(
    file,
    model(
      [threshold("c0", "float64")],
      [port("v", "float64", ["b", "n"]), port("mass", "float64", [1, 1])],
      [port("t", "float64")],
    ),
  );
  const results = [operators as string, join(out, "missing.so")].map((library) =>
    spawnSync(program, [onnxruntimeLibrary(), library, file, "1", "2", "2.5"], {
      encoding: "utf8",
    }),
  );
  expect(results[0]).toMatchObject({ stdout: "1.750000\n", stderr: "", status: 0 });
  expect(results[1]).toMatchObject({ stdout: expect.stringContaining("missing.so"), status: 1 });
});

function onnxruntimeLibrary(): string {
  const home = dirname(createRequire(__filename).resolve("onnxruntime-node/package.json"));
  for (const version of readdirSync(join(home, "bin"))) {
    const directory = join(home, "bin", version, process.platform, process.arch);
    const name = readdirSync(directory).find((file) => /^libonnxruntime\.(1.*dylib|so)/.test(file));
    if (name !== undefined) return join(directory, name);
  }
  throw new Error("onnxruntime-node has no library for this platform");
}
