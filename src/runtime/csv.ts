import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { CsvError } from "csv-parse";
import { arrayConstructor, type DType, isDType, isFloating, isInteger } from "../builder/dtype.ts";
import { checkOptions, failArgument, GraphError, nearest } from "../builder/errors.ts";
import { tensorClass } from "./onnxruntime-node.ts";
import type { Tensors } from "./session.ts";

/** What one tensor is made of. */
export interface CsvColumn {
  /** A column by its name in the first row, which gives a tensor [rows]; or several, for [rows, columns]. */
  readonly from: string | readonly string[];
  /** What the cells are. Default "float32", and "int64" with `categories`. */
  readonly dtype?: DType;
  /** The texts that the cells may be: the tensor has their places in this list, from 0. */
  readonly categories?: readonly string[];
}

/** Options of readCsv. */
export interface CsvOptions<Name extends string = string> {
  /** The tensors to make, by name: a column, several, or more that is to be said of them. */
  readonly columns: Readonly<Record<Name, string | readonly string[] | CsvColumn>>;
  /** What stands between cells. Default ",". */
  readonly delimiter?: string;
  /** What becomes of a row in which a cell that is asked for is empty. Default "error". */
  readonly missing?: "error" | "skip";
}

/** No cell and no row of a file that is meant to be read is longer. */
const LONGEST_ROW = 2 ** 26;

/** Reads a table of comma-separated values (RFC 4180), whose first row has the names of the columns.
 *
 * ```ts
 * const cars = await readCsv("cars.csv", {
 *   columns: {
 *     X: ["weight", "power"],                                           // float32 [rows, 2]
 *     mpg: "mpg",                                                       // float32 [rows]
 *     origin: { from: "origin", categories: ["USA", "Europe", "Japan"] },  // int64 [rows]
 *   },
 *   missing: "skip",
 * });
 * for await (const record of trainer.fit(cars, { epochs: 10 })) console.log(record.loss);
 * ```
 * Numbers are written with a point. Empty lines are passed over.
 *
 * @throws GraphError for a column that is not there, and for a cell that is not what it should be, with its
 * line; Error if the file cannot be read */
export async function readCsv<Name extends string>(
  path: string,
  options: CsvOptions<Name>,
): Promise<Record<Name, Tensors[string]>> {
  const { delimiter = ",", missing = "error" } = options;
  const columns = resolveColumns(options);
  const table = new Table(path, columns, missing === "skip");
  const { parse } = await import("csv-parse");
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    max_record_size: LONGEST_ROW,
    skip_empty_lines: true,
  });
  // The pipeline may report that it was broken off instead of why.
  let reason: unknown;
  const read = (rows: AsyncIterable<unknown>) =>
    table.read(rows as AsyncIterable<Row>).catch((error: unknown) => {
      reason = error;
      throw error;
    });
  await pipeline(createReadStream(path), parser, read).catch((error: unknown) => {
    reason ??= error;
  });
  if (isCsvError(reason)) throw new GraphError("readCsv", `${path}: ${reason.message}`);
  if (reason !== undefined) throw reason;
  return table.tensors() as Record<Name, Tensors[string]>;
}

/** One tensor in the making. */
interface Column {
  readonly name: string;
  readonly from: readonly string[];
  readonly single: boolean;
  readonly dtype: DType;
  readonly categories: readonly string[] | undefined;
  readonly cells: (number | bigint | string)[];
}

interface Row {
  readonly record: readonly string[];
  /** The line that the row ends in. */
  readonly info: { readonly lines: number };
}

class Table {
  readonly #path: string;
  readonly #columns: readonly Column[];
  readonly #skips: boolean;
  #rows = 0;

  constructor(path: string, columns: readonly Column[], skips: boolean) {
    this.#path = path;
    this.#columns = columns;
    this.#skips = skips;
  }

  async read(rows: AsyncIterable<Row>): Promise<void> {
    let places: ReadonlyMap<Column, readonly number[]> | undefined;
    for await (const { record, info } of rows) {
      if (places === undefined) places = this.#placesIn(record);
      else this.#add(record, info.lines, places);
    }
    if (places === undefined) this.#fail("the file is empty");
  }

  tensors(): Tensors {
    if (this.#rows === 0) this.#fail("there are no rows");
    const Tensor = tensorClass();
    const tensors: Tensors = {};
    for (const { name, from, single, dtype, cells } of this.#columns) {
      const dims = single ? [this.#rows] : [this.#rows, from.length];
      const make = arrayConstructor(dtype);
      // The cells were checked against the type one by one.
      const elements = make === undefined ? cells : filled(new make(cells.length), cells);
      tensors[name] = new Tensor(dtype as "float32", elements as Float32Array, dims);
    }
    return tensors;
  }

  #placesIn(header: readonly string[]): ReadonlyMap<Column, readonly number[]> {
    const names = header.map((name) => name.trim());
    const placeOf = (wanted: string) => {
      const place = names.indexOf(wanted);
      if (place >= 0 && names.lastIndexOf(wanted) === place) return place;
      if (place >= 0) this.#fail(`there are two columns ${JSON.stringify(wanted)}`);
      const near = nearest(wanted, names);
      const advice =
        near === undefined ? `there are ${names.join(", ")}` : `did you mean "${near}"?`;
      return this.#fail(`there is no column ${JSON.stringify(wanted)}; ${advice}`);
    };
    return new Map(this.#columns.map((column) => [column, column.from.map(placeOf)] as const));
  }

  #add(
    record: readonly string[],
    line: number,
    places: ReadonlyMap<Column, readonly number[]>,
  ): void {
    const cells = this.#columns.map((column) =>
      (places.get(column) as readonly number[]).map((place) => (record[place] as string).trim()),
    );
    if (this.#skips && cells.some((own) => own.includes(""))) return;
    for (const [i, column] of this.#columns.entries()) {
      for (const [j, text] of (cells[i] as string[]).entries()) {
        const cell = cellOf(text, column);
        if (cell === undefined) {
          const got = text === "" ? "empty" : JSON.stringify(text.slice(0, 80));
          this.#fail(`line ${line}: "${column.from[j]}" is ${got}, expected ${expectedOf(column)}`);
        }
        column.cells.push(cell);
      }
    }
    this.#rows++;
  }

  #fail(problem: string): never {
    throw new GraphError("readCsv", `${this.#path}: ${problem}`);
  }
}

function filled<Elements extends ArrayLike<unknown>>(
  elements: Elements,
  cells: readonly unknown[],
): Elements {
  for (let i = 0; i < cells.length; i++) Reflect.set(elements, i, cells[i]);
  return elements;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const WHOLE = /^[+-]?\d+$/;

/** undefined for a text that is none of what the column takes. */
function cellOf(text: string, { dtype, categories }: Column): number | bigint | string | undefined {
  if (categories !== undefined) {
    const place = categories.indexOf(text);
    if (place < 0) return undefined;
    return dtype === "int64" ? BigInt(place) : place;
  }
  if (dtype === "string") return text;
  if (dtype === "bool") return { true: 1, false: 0, "1": 1, "0": 0 }[text.toLowerCase()];
  if (isFloating(dtype)) return NUMBER.test(text) ? finite(Number(text)) : undefined;
  return WHOLE.test(text) ? wholeOf(BigInt(text.replace("+", "")), dtype) : undefined;
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/** undefined for what the type cannot hold. */
function wholeOf(value: bigint, dtype: DType): number | bigint | undefined {
  const bits = Number(/\d+$/.exec(dtype)?.[0]);
  const held = dtype.startsWith("u") ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value);
  if (held !== value) return undefined;
  return bits === 64 ? value : Number(value);
}

function expectedOf({ dtype, categories }: Column): string {
  if (categories !== undefined) return `one of ${categories.slice(0, 10).join(", ")}`;
  if (dtype === "bool") return "true or false, 1 or 0";
  return isFloating(dtype) ? "a number" : `a whole number that fits ${dtype}`;
}

function resolveColumns(options: CsvOptions): Column[] {
  checkOptions("readCsv", options, ["columns", "delimiter", "missing"]);
  const { columns, delimiter = ",", missing = "error" } = options;
  if (typeof columns !== "object" || columns === null || Object.keys(columns).length === 0) {
    failArgument("readCsv", "columns", "the columns of each tensor, by name", columns);
  }
  if (typeof delimiter !== "string" || delimiter === "") {
    failArgument("readCsv", "delimiter", "a text", delimiter);
  }
  if (missing !== "error" && missing !== "skip") {
    failArgument("readCsv", "missing", '"error" or "skip"', missing);
  }
  return Object.entries(columns).map(([name, given]) => {
    const short = typeof given === "string" || Array.isArray(given);
    return resolveColumn(name, short ? { from: given } : (given as CsvColumn));
  });
}

function resolveColumn(name: string, given: CsvColumn): Column {
  const argument = `columns.${name}`;
  if (typeof given !== "object" || given === null) {
    failArgument("readCsv", argument, "the name of a column, or several", given);
  }
  checkOptions("readCsv", given, ["from", "dtype", "categories"]);
  const { from, categories, dtype = categories === undefined ? "float32" : "int64" } = given;
  const list = typeof from === "string" ? [from] : from;
  if (!Array.isArray(list) || list.length === 0 || list.some((it) => typeof it !== "string")) {
    failArgument("readCsv", argument, "the name of a column, or several", from);
  }
  const readable =
    dtype === "float32" ||
    dtype === "float64" ||
    (isDType(dtype) && /^u?int(8|16|32|64)$/.test(dtype)) ||
    (categories === undefined && (dtype === "bool" || dtype === "string"));
  if (!readable) {
    const kinds =
      categories === undefined
        ? "float32, float64, an integer type, bool or string"
        : "a type of numbers";
    failArgument("readCsv", `${argument}.dtype`, kinds, dtype);
  }
  if (
    categories !== undefined &&
    (!Array.isArray(categories) || (!isInteger(dtype) && !isFloating(dtype)))
  ) {
    failArgument("readCsv", `${argument}.categories`, "an array of texts", categories);
  }
  return { name, from: list, single: typeof from === "string", dtype, categories, cells: [] };
}

function isCsvError(error: unknown): error is CsvError {
  return error instanceof Error && String(Reflect.get(error, "code")).startsWith("CSV_");
}
