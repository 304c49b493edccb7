import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { buildSync } from "esbuild";

test("where the kernels are not built, the stock provider goes on", () => {
  const program = join(__dirname, "..", "..", "out", "native", "absent", "program.mjs");
  buildSync({
    entryPoints: [join(__dirname, "absent-program.ts")],
    outfile: program,
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
  });
  const { stdout, status } = spawnSync(process.execPath, [program], { encoding: "utf8" });
  const reason =
    "the native kernels are not built: run `node native/install.cjs` in the package softonnx";
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    status: { available: false, reason },
    alone: expect.stringContaining(reason),
    withStock: "1,2",
  });
});
