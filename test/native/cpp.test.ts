import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { model, port, threshold } from "./models.ts";

const root = join(__dirname, "..", "..");
const out = join(root, "out", "native");
const compiler = process.env.CXX ?? "g++";
const flags = "-std=c++17 -O1 -g -Wall -Wextra -Wpedantic -Werror".split(" ");
const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

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

const onPosix = process.platform !== "win32" && compiles([]) ? test : test.skip;
const sanitized = process.platform !== "win32" && compiles(sanitizers) ? test : test.skip;

sanitized(
  "the kernels agree with long double, and the sanitizers find nothing",
  () => {
    const kernels = join(root, "native", "kernels");
    const sources = readdirSync(kernels).filter((file) => file.endsWith(".cpp"));
    const program = compile("kernels", [
      ...sources.map((file) => join(kernels, file)),
      ...sanitizers,
      "-DSOFTONNX_ISA=plain",
    ]);
    const { stdout, stderr, status } = spawnSync(program, { encoding: "utf8" });
    expect({ stdout, stderr, status }).toMatchObject({
      stdout: expect.stringMatching(/^exp: .*\nthreshold float32: .*\nthreshold float64: .*\n$/),
      stderr: "",
      status: 0,
    });
  },
  60_000,
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
