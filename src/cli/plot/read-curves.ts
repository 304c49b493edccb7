import { readFile } from "node:fs/promises";
import { nearest } from "../../builder/errors.ts";
import type { Curves } from "./curves.ts";

/** Columns that count, in the order in which they are looked for. */
const COUNTERS = ["epoch", "step", "iteration"];

/** Columns that are no curves unless they are asked for. */
const ASIDE = new Set([...COUNTERS, "seconds"]);

/** Reads curves from a .csv with a heading or a .jsonl.
 *
 * @param names which columns; by default all of numbers
 * @throws Error for a file that is no table, has no column to count by, or lacks a column that is asked for */
export async function readCurves(
  path: string,
  names: readonly string[] | undefined,
): Promise<Curves> {
  const text = await readFile(path, "utf8");
  const rows = path.endsWith(".jsonl") ? jsonRows(path, text) : await csvRows(path, text);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const x = COUNTERS.find((name) => columns.includes(name));
  if (x === undefined) {
    throw new Error(`${path}: expected a column ${COUNTERS.join(", ")}, got ${columns.join(", ")}`);
  }
  for (const name of names ?? []) {
    if (columns.includes(name)) continue;
    const near = nearest(name, columns);
    const advice =
      near === undefined ? `there are ${columns.join(", ")}` : `did you mean "${near}"?`;
    throw new Error(`${path}: there is no column "${name}"; ${advice}`);
  }
  const numbers = rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, numberOf(cell)] as const)),
  );
  const curves = columns.filter(
    (name) => !ASIDE.has(name) && numbers.some((row) => row[name] !== undefined),
  );
  if ((names ?? curves).length === 0) throw new Error(`${path}: there are no columns of numbers`);
  return { x, names: names ?? curves, rows: numbers };
}

type Row = Readonly<Record<string, unknown>>;

async function csvRows(path: string, text: string): Promise<Row[]> {
  const { parse } = await import("csv-parse/sync");
  try {
    return parse(text, { bom: true, columns: true, skip_empty_lines: true }) as Row[];
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
}

function jsonRows(path: string, text: string): Row[] {
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      const row: unknown = JSON.parse(line);
      if (typeof row === "object" && row !== null && !Array.isArray(row)) return [row as Row];
    } catch {}
    throw new Error(`${path}: line ${i + 1} is no JSON object`);
  });
}

function numberOf(cell: unknown): number | undefined {
  if (typeof cell === "number") return cell;
  if (typeof cell !== "string" || cell.trim() === "") return undefined;
  const value = Number(cell);
  return Number.isNaN(value) ? undefined : value;
}
