import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { EpochRecord, Scores } from "../../node.ts";
import { replaceFile } from "../../runtime/files.ts";

/** A table of the epochs of a run, which is whole after each of them. */
export class TrainingLog {
  readonly #path: string;
  /** Rows of the same run that an earlier process wrote. */
  readonly #earlier: readonly string[];
  readonly #rows: string[] = [];

  private constructor(path: string, earlier: readonly string[]) {
    this.#path = path;
    this.#earlier = earlier;
  }

  /** @param checkpoint from which the run goes on, if it is there */
  static async open(path: string, checkpoint: string | undefined): Promise<TrainingLog> {
    const goesOn = checkpoint !== undefined && existsSync(checkpoint) && existsSync(path);
    const lines = goesOn ? (await readFile(path, "utf8")).trim().split("\n") : [];
    return new TrainingLog(path, lines.slice(1));
  }

  async add(record: EpochRecord): Promise<void> {
    const { epoch, step, validation, seconds } = record;
    const cells = {
      epoch,
      step,
      ...scores(record, ""),
      ...(validation === undefined ? {} : scores(validation, "val_")),
      seconds: Number(seconds.toFixed(3)),
    };
    this.#rows.push(Object.values(cells).join(","));
    const first = epoch - this.#rows.length + 1;
    const earlier = this.#earlier.filter((row) => Number(row.split(",", 1)[0]) < first);
    const heading = Object.keys(cells).join(",");
    const table = [heading, ...earlier, ...this.#rows].join("\n");
    await replaceFile(this.#path, new TextEncoder().encode(`${table}\n`));
  }
}

function scores({ loss, metrics }: Scores, prefix: string): Record<string, number> {
  const entries = Object.entries({ loss, ...metrics });
  return Object.fromEntries(entries.map(([name, value]) => [prefix + name, value]));
}
