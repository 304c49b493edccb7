import type { Progress } from "./progress.ts";

/** Opens a bar on the standard error stream, with the loss and how many steps a second it goes; nothing
 * where that is no terminal. */
export async function openTerminalProgress(): Promise<Progress | undefined> {
  if (process.stderr.isTTY !== true) return undefined;
  // Who shows no bar need not load it.
  const { SingleBar, Presets } = await import("cli-progress");
  const bar = new SingleBar(
    {
      format: "epoch {epoch} {bar} {value}/{total} | loss {loss} | {speed} steps/s{rates}",
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: false,
      // A bar that is left open must not keep the process alive.
      noTTYOutput: false,
    },
    Presets.shades_classic,
  );
  let begun = 0;
  return {
    startEpoch(epoch, epochs, batches) {
      bar.stop();
      begun = performance.now();
      const payload = { epoch: `${epoch}/${epochs}`, loss: "…", speed: "…", rates: "" };
      bar.start(batches ?? 0, 0, payload);
    },
    step(done, loss, rates) {
      const seconds = (performance.now() - begun) / 1000;
      const shown = Object.entries(rates).map(([name, rate]) => ` | ${name} ${digits(rate)}`);
      if (done > bar.getTotal()) bar.setTotal(done);
      bar.update(done, {
        loss: digits(loss),
        speed: digits(done / seconds),
        rates: shown.join(""),
      });
    },
    close: () => bar.stop(),
  };
}

function digits(value: number): string {
  return String(Number(value.toPrecision(4)));
}
