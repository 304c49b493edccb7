// Times the native kernels alone, on one thread, without ONNX Runtime or Node, and prints each beside
// its goal:
//
//   node bench/native-kernels.mjs [part of a kernel's family] [instruction set, or all; the best by default]
//
// Needs a C++ compiler. The kernels are compiled here with the flags of native/binding.gyp.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const kernels = join(root, "native", "kernels");
const out = join(root, "out", "bench-native");
const compiler = process.env.CXX ?? "g++";
const flags = "-std=c++17 -O3 -fno-math-errno -fno-trapping-math".split(" ");
const instructionSets = {
  ...(process.arch === "x64" && {
    avx512:
      "-mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mprefer-vector-width=512".split(
        " ",
      ),
    avx2: ["-mavx2", "-mfma"],
  }),
  plain: [],
};

function compile(source, object, ...extra) {
  execFileSync(compiler, [...flags, ...extra, "-c", source, "-o", object], {
    // Warnings of the compiler's own headers.
    stdio: ["ignore", "inherit", "ignore"],
  });
  return object;
}

function build() {
  mkdirSync(out, { recursive: true });
  const x64 = process.arch === "x64" ? ["-DSOFTONNX_X64_KERNELS"] : [];
  const objects = Object.entries(instructionSets).map(([name, extra]) =>
    compile(
      join(kernels, "instruction_set.cpp"),
      join(out, `${name}.o`),
      ...extra,
      `-DSOFTONNX_ISA=${name}`,
    ),
  );
  for (const file of readdirSync(kernels)) {
    if (!file.endsWith(".cpp") || file === "instruction_set.cpp") continue;
    objects.push(compile(join(kernels, file), join(out, `${file}.o`), ...x64));
  }
  const program = join(out, "kernels");
  const source = join(import.meta.dirname, "native", "kernels.cpp");
  execFileSync(compiler, [...flags, source, ...objects, "-o", program]);
  return program;
}

const lines = execFileSync(build(), process.argv.slice(2), { encoding: "utf8" })
  .trim()
  .split("\n")
  .map((line) => line.split("\t"));

console.log("| instruction set | kernel | size | ms | goal ms | goal / ms |");
console.log("|---|---|---|---|---|---|");
for (const [isa, kernel, size, time, goal] of lines) {
  const ratio = Number(goal) > 0 ? (Number(goal) / Number(time)).toFixed(1) : "";
  console.log(
    `| ${isa} | ${kernel} | ${size} | ${time} | ${Number(goal) > 0 ? goal : ""} | ${ratio} |`,
  );
}
