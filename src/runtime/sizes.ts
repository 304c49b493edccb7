import { GraphError } from "../builder/errors.ts";
import type { TensorInfo, Tensors } from "./session.ts";

interface Known {
  readonly size: number;
  /** The input that said so first. */
  readonly by: string;
}

/** Checks that a name among the dimensions means the same size in all tensors, and that a polynomial of
 * names ("n+1") has the value that the names give it. ONNX Runtime checks neither.
 *
 * @throws GraphError naming both inputs */
export function checkSizes(
  operator: string,
  inputs: readonly TensorInfo[],
  tensors: Tensors,
): void {
  const sizes = new Map<string, Known>();
  const composed: (() => void)[] = [];
  for (const { name, shape } of inputs) {
    shape?.forEach((dim, axis) => {
      const size = tensors[name]?.dims[axis];
      if (typeof dim !== "string" || size === undefined) return;
      // Polynomials wait until all plain names are known.
      if (/[+*-]/.test(dim))
        composed.push(() => checkComposed(operator, dim, { size, by: name }, sizes));
      else checkName(operator, dim, { size, by: name }, sizes);
    });
  }
  for (const check of composed) check();
}

function checkName(operator: string, dim: string, found: Known, sizes: Map<string, Known>): void {
  const known = sizes.get(dim);
  if (known === undefined) sizes.set(dim, found);
  else if (known.size !== found.size) {
    throw new GraphError(
      operator,
      `feed "${found.by}": ${dim} is ${known.size} in "${known.by}" but ${found.size} in "${found.by}"`,
    );
  }
}

function checkComposed(
  operator: string,
  dim: string,
  found: Known,
  sizes: Map<string, Known>,
): void {
  const expected = evaluate(dim, sizes);
  if (expected === undefined) {
    // Some name of it stands nowhere alone; the whole may still occur twice.
    checkName(operator, dim, found, sizes);
  } else if (expected.size !== found.size) {
    const because = expected.names.map((name) => {
      const { size, by } = sizes.get(name) as Known;
      return `${name} is ${size} in "${by}"`;
    });
    throw new GraphError(
      operator,
      `feed "${found.by}": ${dim} must be ${expected.size}, since ${because.join(" and ")}, got ${found.size}`,
    );
  }
}

/** The value of a polynomial; undefined if a name of it is not known, or it is no polynomial. */
function evaluate(
  dim: string,
  sizes: ReadonlyMap<string, Known>,
): { readonly size: number; readonly names: readonly string[] } | undefined {
  const names = new Set<string>();
  let size = 0;
  for (const term of dim.match(/[+-]?[^+-]+/g) ?? []) {
    let value = term.startsWith("-") ? -1 : 1;
    for (const factor of term.replace(/^[+-]/, "").split("*")) {
      const known = sizes.get(factor.trim());
      if (known !== undefined) names.add(factor.trim());
      value *= known?.size ?? Number(factor);
    }
    size += value;
  }
  return Number.isNaN(size) ? undefined : { size, names: [...names] };
}
