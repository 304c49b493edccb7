import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

const original = join(__dirname, "..", "..", "native");
const hasCompiler = process.platform !== "win32" && spawnSync("c++", ["--version"]).status === 0;
const compiling = hasCompiler ? test : test.skip;

/** In a copy, so that the kernels which other tests run stay as they are. */
let native: string;
let product: string;

beforeAll(() => {
  native = mkdtempSync(join(tmpdir(), "softonnx-native-"));
  product = join(native, "build", "Release", "softonnx.node");
  cpSync(original, native, {
    recursive: true,
    filter: (file) => relative(original, file) !== "build",
  });
});

afterAll(() => rmSync(native, { recursive: true }));

function install(environment: Record<string, string> = {}) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(native, "install.cjs")], {
    encoding: "utf8",
    env: { ...process.env, SOFTONNX_NATIVE: "", ...environment },
  });
  return { stdout, stderr, status };
}

test("SOFTONNX_NATIVE=skip builds nothing", () => {
  expect(install({ SOFTONNX_NATIVE: "skip" })).toEqual({
    stdout: "softonnx: native kernels skipped (SOFTONNX_NATIVE=skip)\n",
    stderr: "",
    status: 0,
  });
  expect(existsSync(product)).toBe(false);
});

const withoutCompiler = process.platform === "win32" ? test.skip : test;

withoutCompiler("without a compiler the install says so and goes on", () => {
  const bare = { PATH: "", CXX: "" };
  expect(install(bare)).toEqual({
    stdout: "softonnx: no C++ compiler found (the portable bodies will run)\n",
    stderr: "",
    status: 0,
  });
  expect(install({ ...bare, SOFTONNX_NATIVE: "require" })).toMatchObject({ status: 1 });
});

compiling(
  "it builds once, and again when a source has changed; a failure leaves nothing stale",
  () => {
    expect(install()).toEqual({
      stdout: "softonnx: native kernels built\n",
      stderr: "",
      status: 0,
    });
    expect(existsSync(product)).toBe(true);
    expect(install().stdout).toBe("softonnx: native kernels are up to date\n");

    appendFileSync(join(native, "addon", "js.h"), "\n#error broken on purpose\n");
    const log = join(native, "build", "install.log");
    expect(install()).toEqual({
      stdout: `softonnx: building the native kernels failed, see ${log} (the portable bodies will run)\n`,
      stderr: "",
      status: 0,
    });
    expect(readFileSync(log, "utf8")).toContain("broken on purpose");
    expect(existsSync(product)).toBe(false);
    expect(install({ SOFTONNX_NATIVE: "require" })).toMatchObject({ status: 1 });
  },
  120_000,
);
