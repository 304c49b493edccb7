import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { nativeStatus } from "../../src/runtime/native.ts";

const root = join(__dirname, "..", "..");
const out = join(root, "out", "native", "other");
const addon = join(root, "native", "build", "Release", "softonnx.node");
const compiler = process.env.CXX ?? "g++";
// Elsewhere a library cannot be put into a process before all others.
const possible =
  process.platform === "linux" &&
  nativeStatus().available &&
  spawnSync(compiler, ["--version"]).status === 0;

/** Attaches the addon to the library in a process that has it loaded, and then runs a stock session. */
const program = `
  const [, library] = process.argv;
  const attached = (() => {
    try {
      return require(${JSON.stringify(addon)}).attach([library], 2);
    } catch (error) {
      return error.message;
    }
  })();
  console.log(attached);
`;

(possible ? describe : describe.skip)("Another library than the ONNX Runtime we know", () => {
  const library = join(out, "libother.so");

  beforeAll(() => {
    mkdirSync(out, { recursive: true });
    const source = join(__dirname, "cpp", "other_runtime.cpp");
    execFileSync(compiler, ["-std=c++17", "-shared", "-fPIC", source, "-o", library]);
    expect(existsSync(library)).toBe(true);
  }, 60_000);

  function attach(version: string, preload = library): string {
    const { stdout, status } = spawnSync(process.execPath, ["-e", program, library], {
      encoding: "utf8",
      env: { ...process.env, LD_PRELOAD: preload, OTHER_VERSION: version },
    });
    expect(status).toBe(0);
    return stdout.trim();
  }

  test.each([
    ["1.16.3", "found ONNX Runtime 1.16.3, need 1.17 or later"],
    ["0.9.0", "found ONNX Runtime 0.9.0, need 1.17 or later"],
    ["nightly", "found ONNX Runtime nightly, need 1.17 or later"],
    ["1.30.0", "found ONNX Runtime 1.30.0, whose C interface is not the published one"],
    ["2.0.0", "found ONNX Runtime 2.0.0, whose C interface is not the published one"],
  ])("of version %s is refused in a sentence", (version, message) => {
    expect(attach(version)).toBe(message);
  });

  test("that is not loaded is not loaded by us", () => {
    expect(attach("1.30.0", "")).toBe(
      "onnxruntime-node is loaded, but its library was not found in this process",
    );
  });
});
