import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "../goldens");

/** The methods that this package has. Cases of other methods wait. */
export const AVAILABLE_METHODS: ReadonlySet<string> = new Set([
  "softsort",
  "neuralsort",
  "ot",
  "fast_soft_sort",
  "sorting_network",
  "smooth_sort",
]);

/** A tensor of a golden file, row-major. */
export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export type GoldenArgument = GoldenTensor | number | boolean | string | null;

/** One case: the operator, its arguments, what it returns and the gradients of sum(out * cotangent). */
export interface GoldenCase {
  readonly id: string;
  readonly op: string;
  readonly args: Readonly<Record<string, GoldenArgument>>;
  readonly out: readonly (GoldenTensor | null)[];
  readonly cotangent: readonly (GoldenTensor | null)[] | null;
  readonly grad: Readonly<Record<string, GoldenTensor>> | null;
}

/** The families that have a file of cases. */
export function goldenFamilies(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".json") && name !== "examples.json")
    .map((name) => name.slice(0, -".json".length))
    .sort();
}

export function goldenCases(family: string): GoldenCase[] {
  return readGolden(`${family}.json`) as GoldenCase[];
}

/** A golden file with its texts "inf", "-inf" and "nan" turned into numbers. */
export function readGolden(file: string): unknown {
  const special: Readonly<Record<string, number>> = {
    inf: Number.POSITIVE_INFINITY,
    "-inf": Number.NEGATIVE_INFINITY,
    nan: Number.NaN,
  };
  return JSON.parse(readFileSync(join(FOLDER, file), "utf8"), (_key, value) =>
    typeof value === "string" && Object.hasOwn(special, value) ? special[value] : value,
  );
}

export function isTensor(argument: GoldenArgument | undefined): argument is GoldenTensor {
  return typeof argument === "object" && argument !== null;
}

/** The method a case asks for; undefined where it names none. */
export function methodOf(golden: GoldenCase): string | undefined {
  const { method } = golden.args;
  return typeof method === "string" ? method : undefined;
}

/** Whether the package has the method that the case needs. */
export function isAvailable(golden: GoldenCase): boolean {
  const method = methodOf(golden);
  return method === undefined || AVAILABLE_METHODS.has(method);
}
