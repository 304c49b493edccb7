import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const KERNELS = join(import.meta.dirname, "../../src/ops/kernels");

test("every file that defines kernel operators is registered by kernels/index.ts", () => {
  const defining = readdirSync(KERNELS).filter((file) => {
    const source = readFileSync(join(KERNELS, file), "utf8");
    return file !== "family.ts" && /\b(kernelFamily|defineFamily)[<(]/.test(source);
  });
  const index = readFileSync(join(KERNELS, "index.ts"), "utf8");
  const registered = [...index.matchAll(/^import "\.\/(.+)";$/gm)].map(([, file]) => file);
  expect(registered.sort()).toEqual(defining.sort());
});
