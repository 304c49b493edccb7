import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { nativeStatus } from "../../src/runtime/native.ts";

const native = nativeStatus().available ? describe : describe.skip;

const root = join(__dirname, "..", "..");
// As deep below the root as src/runtime, from where the addon is found.
const program = join(root, "out", "native", "hostile.mjs");

native("Nothing that JavaScript does crashes the process:", () => {
  beforeAll(() => {
    buildSync({
      entryPoints: [join(__dirname, "hostile-program.ts")],
      outfile: program,
      bundle: true,
      format: "esm",
      platform: "node",
      packages: "external",
    });
    expect(existsSync(program)).toBe(true);
  });

  const cases = {
    garbage: "collecting garbage during runs",
    unreferenced: "dropping a session during its run",
    dispose: "disposing of a session twice and during its run",
    feeds: "wrong feeds",
    buffers: "shared, empty, shrinking and partial buffers",
    arguments: "calling the addon with anything",
    workers: "sessions of both kinds in four threads",
    terminate: "terminating a worker during its runs",
    exit: "leaving during runs",
    throw: "errors thrown by those who wait for a run",
    leak: "a thousand sessions, which leave nothing behind",
  };
  for (const [name, title] of Object.entries(cases)) {
    test(title, async () => {
      const run = promisify(execFile);
      const env = name === "leak" ? { ...process.env, MALLOC_ARENA_MAX: "1" } : process.env;
      const { stdout } = await run(process.execPath, ["--expose-gc", program, name], { env });
      expect(stdout).toContain("survived");
    }, 60_000);
  }
});
