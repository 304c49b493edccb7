import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { goldenFamilies } from "./cases.ts";
import { BACKEND, type GoldenPlan, goldenSuite } from "./suite.ts";

/** Kernel operators run natively here, and as bodies in the other files. */
const NATIVELY: GoldenPlan = {
  backend: "native",
  levels: ["all"],
  sizes: ["static"],
  kernelsOnly: true,
};

/** Asked in another process, which then has the native operators, as this one must not. */
function whyNot(): string | undefined {
  const program = `
    import { nativeStatus } from "softonnx/node";
    const status = nativeStatus();
    console.log(JSON.stringify(status.available ? {} : { reason: status.reason }));`;
  const cwd = join(import.meta.dirname, "../..");
  const child = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    cwd,
    encoding: "utf8",
  });
  return child.status === 0 ? JSON.parse(child.stdout).reason : child.stderr;
}

const reason = whyNot();
if (reason === undefined && BACKEND === "cpu") {
  for (const family of goldenFamilies()) goldenSuite(family, NATIVELY);
} else {
  test.skip(`the kernel operators on the native backend: ${reason ?? "every file runs there"}`, () => {});
}
