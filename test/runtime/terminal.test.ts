import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { openTerminalProgress } from "../../src/runtime/terminal.ts";

const isTTY = Object.getOwnPropertyDescriptor(process.stderr, "isTTY");

function setTerminal(value: boolean): void {
  Object.defineProperty(process.stderr, "isTTY", { value, configurable: true });
}

afterEach(() => {
  jest.restoreAllMocks();
  if (isTTY === undefined) Reflect.deleteProperty(process.stderr, "isTTY");
  else Object.defineProperty(process.stderr, "isTTY", isTTY);
});

test("a terminal shows the epoch, the loss, the rates and the speed", async () => {
  setTerminal(true);
  let shown = "";
  jest.spyOn(process.stderr, "write").mockImplementation((text) => {
    shown += String(text);
    return true;
  });
  const progress = await openTerminalProgress();
  progress?.startEpoch(2, 5, 3);
  progress?.step(3, 0.12345, { rate: 0.001 });
  progress?.close();
  jest.restoreAllMocks();
  expect(shown).toMatch(/epoch 2\/5 /);
  expect(shown).toMatch(/3\/3 \| loss 0\.1235 \| [\d.e+]+ steps\/s \| rate 0\.001/);
});

test("where there is none, nothing is shown, and nothing loaded for it", async () => {
  setTerminal(false);
  expect(await openTerminalProgress()).toBeUndefined();
});

test("importing softonnx/node does not load what draws bars", () => {
  const program = `
    import { createRequire } from "node:module";
    await import("softonnx/node");
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    console.log(loaded.filter((path) => /cli-progress/.test(path)).length);`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", program],
    { cwd: join(import.meta.dirname, "../.."), encoding: "utf8" },
  );
  expect([stdout, stderr]).toEqual(["0\n", ""]);
});
