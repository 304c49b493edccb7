import { formatShape, type Shape } from "./dim.ts";

/** A mistake in how the library was called: names the operator as the user wrote it, the argument,
 * what was expected and what was given. */
export class GraphError extends Error {
  override readonly name: string = "GraphError";
  /** The operator or method that was called, for example "matmul". */
  readonly operator: string;

  constructor(operator: string, problem: string) {
    super(`${operator}: ${problem}`);
    this.operator = operator;
  }
}

/** Throws the one form that all argument errors have: `operator: argument: expected …, got …`. */
export function failArgument(
  operator: string,
  argument: string,
  expected: string,
  got: unknown,
): never {
  throw new GraphError(operator, `${argument}: expected ${expected}, got ${describe(got)}`);
}

/** A short rendering of any value for an error message. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `function ${value.name || "(anonymous)"}`;
  if (Array.isArray(value)) {
    const shown = value.slice(0, 6).map(describe).join(", ");
    return value.length > 6 ? `[${shown}, … ${value.length} elements]` : `[${shown}]`;
  }
  if (ArrayBuffer.isView(value)) return Object.prototype.toString.call(value).slice(8, -1);
  if (typeof value === "object" && value !== null) {
    const text = String(value);
    return text === "[object Object]" ? `{ ${Object.keys(value).slice(0, 6).join(", ")} }` : text;
  }
  return String(value);
}

/** Rejects option keys that the operator does not know, suggesting the nearest one it does. */
export function checkOptions(operator: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    failArgument(operator, "options", `an object with ${known.join(", ")}`, options);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new GraphError(operator, unknownOption(key, known));
  }
}

function unknownOption(key: string, known: readonly string[]): string {
  const synonyms: Readonly<Record<string, string>> = {
    axis: "dim",
    axes: "dim",
    dim: "axis",
    dims: "axes",
    keepdims: "keepdim",
    keepdim: "keepdims",
    temperature: "softness",
    tau: "softness",
    regularization: "softness",
  };
  const synonym = synonyms[key];
  const near = synonym !== undefined && known.includes(synonym) ? synonym : nearest(key, known);
  const advice =
    near === undefined ? `it takes ${known.join(", ") || "none"}` : `did you mean "${near}"?`;
  return `unknown option "${key}"; ${advice}`;
}

/** The candidate within two edits of the word, or a third of its length; undefined if none is. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** "[20, 3] and [4]" for messages that set two shapes side by side. */
export function formatShapes(...shapes: readonly (Shape | undefined)[]): string {
  return shapes.map(formatShape).join(" and ");
}
