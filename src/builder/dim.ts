/** One dimension of a tensor: a size, a name ("batch"), a canonical polynomial of names with integer
 * coefficients ("n+m", "2*n"), or undefined where nothing is known. */
export type Dim = number | string | undefined;

/** The dimensions of a tensor, outermost first. A tensor of unknown rank has shape undefined. */
export type Shape = readonly Dim[];

// A polynomial is a map from monomial (its names sorted and joined by "*", "" for the constant) to
// its integer coefficient. No coefficient is zero.
type Polynomial = ReadonlyMap<string, number>;

// What is longer stays as it is, a name of its own: hostile models must not make arithmetic on
// dimensions slow.
const LONGEST = 256;
const MOST_TERMS = 64;

const NAME = /^[A-Za-z_][\w.:/]*$/;

/** The canonical form of a dimension as a user writes it: sizes are checked, "m + n" and "n+m" become
 * the same string, "3" becomes 3. Names that are no polynomial (as found in models) stay as they are.
 * @throws RangeError for a negative or fractional size. */
export function canonicalDim(dim: Dim | null): Dim {
  if (dim === undefined || dim === null || dim === "" || dim === "?") return undefined;
  if (typeof dim === "number") {
    if (!Number.isSafeInteger(dim) || dim < 0) {
      throw new RangeError(`a size is a whole number from 0, got ${dim}`);
    }
    return dim;
  }
  const polynomial = parse(dim);
  return polynomial === undefined ? dim : print(polynomial);
}

/** Whether two dimensions are the same size: true and false where it is certain, undefined otherwise.
 * Different names may be the same size; "n" and "n+1" never are. */
export function sameDim(a: Dim, b: Dim): boolean | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a === b) return true;
  if (typeof a === "number" && typeof b === "number") return false;
  const difference = subtractDims(a, b);
  return typeof difference === "number" ? difference === 0 : undefined;
}

/** Whether two shapes are the same, three-valued like sameDim. */
export function sameShape(a: Shape | undefined, b: Shape | undefined): boolean | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a.length !== b.length) return false;
  let certain = true;
  for (let i = 0; i < a.length; i++) {
    const same = sameDim(a[i], b[i]);
    if (same === false) return false;
    if (same === undefined) certain = false;
  }
  return certain ? true : undefined;
}

export function addDims(a: Dim, b: Dim): Dim {
  return combine(a, b, (x, y) => sum(x, y, 1));
}

/** a - b. A negative number is possible here; only a whole shape forbids it. */
export function subtractDims(a: Dim, b: Dim): Dim {
  return combine(a, b, (x, y) => sum(x, y, -1));
}

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (a === 0 || b === 0) return 0;
  return combine(a, b, (x, y) => (x.size * y.size > MOST_TERMS ? undefined : product(x, y)));
}

/** a / b where it is exact, otherwise undefined (also for b = 0). */
export function divideDims(a: Dim, b: Dim): Dim {
  if (b === 0 || a === undefined || b === undefined) return undefined;
  if (b === 1) return a;
  if (a === b) return 1;
  if (typeof a === "number" && typeof b === "number") return a % b === 0 ? a / b : undefined;
  const numerator = polynomialOf(a);
  const denominator = polynomialOf(b);
  if (numerator === undefined || denominator === undefined || denominator.size !== 1) {
    return undefined;
  }
  const [monomial, coefficient] = [...denominator][0] as [string, number];
  const quotient = new Map<string, number>();
  for (const [m, c] of numerator) {
    const rest = divideMonomial(m, monomial);
    if (rest === undefined || c % coefficient !== 0) return undefined;
    quotient.set(rest, c / coefficient);
  }
  return print(quotient);
}

/** The number of elements of a shape: the product of its dimensions. */
export function sizeOfShape(shape: Shape): Dim {
  return shape.reduce<Dim>(multiplyDims, 1);
}

/** True if every dimension is a number. */
export function isStatic(shape: Shape | undefined): shape is readonly number[] {
  return shape?.every((dim) => typeof dim === "number") ?? false;
}

/** "[n, 3]"; "[?]" stands for a dimension and "[…]" for a rank that is not known. */
export function formatShape(shape: Shape | undefined): string {
  return shape === undefined ? "[…]" : `[${shape.map((dim) => dim ?? "?").join(", ")}]`;
}

/** Why two shapes do not broadcast, or the shape they broadcast to.
 *
 * NumPy's rule from the last axis on: equal sizes, or one of them 1. Where one side is a name and the
 * other a size above 1 the result has that size; two different names leave it unknown. */
export function broadcastShapes(
  a: Shape | undefined,
  b: Shape | undefined,
): { readonly shape: Shape | undefined } | { readonly clash: number } {
  if (a === undefined || b === undefined) return { shape: undefined };
  const rank = Math.max(a.length, b.length);
  const shape = new Array<Dim>(rank);
  for (let axis = 0; axis < rank; axis++) {
    const i = axis - (rank - a.length);
    const j = axis - (rank - b.length);
    const dim = i < 0 ? b[j] : j < 0 ? a[i] : broadcastDim(a[i], b[j]);
    if (dim === "clash") return { clash: axis };
    shape[axis] = dim;
  }
  // Mostly one has the shape of both, which is the result's without another list.
  return { shape: isSame(shape, a) ? a : isSame(shape, b) ? b : shape };
}

function isSame(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

function broadcastDim(a: Dim, b: Dim): Dim | "clash" {
  if (a === 1) return b;
  if (b === 1) return a;
  if (a !== undefined && a === b) return a;
  if (typeof a === "number" && typeof b === "number") return "clash";
  // One of them is a size other than 1, so the other is that size or 1.
  if (typeof a === "number") return a;
  if (typeof b === "number") return b;
  return undefined;
}

function combine(
  a: Dim,
  b: Dim,
  operation: (a: Polynomial, b: Polynomial) => Polynomial | undefined,
): Dim {
  if (a === undefined || b === undefined) return undefined;
  const x = polynomialOf(a);
  const y = polynomialOf(b);
  const result = x && y && operation(x, y);
  return result && print(result);
}

function polynomialOf(dim: number | string): Polynomial | undefined {
  return typeof dim === "number" ? constant(dim) : parse(dim);
}

function constant(value: number): Polynomial {
  return new Map(value === 0 ? [] : [["", value]]);
}

const parsed = new Map<string, Polynomial | undefined>();

function parse(text: string): Polynomial | undefined {
  if (text.length > LONGEST) return undefined;
  if (NAME.test(text)) return new Map([[text, 1]]);
  if (!parsed.has(text)) {
    // Names in hostile models must not fill the memory.
    if (parsed.size > 4096) parsed.clear();
    parsed.set(text, parseSum(text.replaceAll(" ", "")));
  }
  return parsed.get(text);
}

function parseSum(text: string): Polynomial | undefined {
  let total: Polynomial = new Map();
  const terms = text.match(/[+-]?[^+-]+/g);
  if (terms === null || terms.join("") !== text) return undefined;
  for (const term of terms) {
    const sign = term.startsWith("-") ? -1 : 1;
    const factors = term.replace(/^[+-]/, "").split("*");
    let coefficient = sign;
    const names: string[] = [];
    for (const factor of factors) {
      if (/^\d+$/.test(factor)) coefficient *= Number(factor);
      else if (NAME.test(factor)) names.push(factor);
      else return undefined;
    }
    total = sum(total, new Map([[names.sort().join("*"), coefficient]]), 1);
  }
  return total;
}

function sum(a: Polynomial, b: Polynomial, sign: 1 | -1): Polynomial {
  const result = new Map(a);
  for (const [monomial, coefficient] of b) {
    const total = (result.get(monomial) ?? 0) + sign * coefficient;
    if (total === 0) result.delete(monomial);
    else result.set(monomial, total);
  }
  return result;
}

function product(a: Polynomial, b: Polynomial): Polynomial {
  let result: Polynomial = new Map();
  for (const [m1, c1] of a) {
    for (const [m2, c2] of b) {
      const monomial = [...factorsOf(m1), ...factorsOf(m2)].sort().join("*");
      result = sum(result, new Map([[monomial, c1 * c2]]), 1);
    }
  }
  return result;
}

function divideMonomial(numerator: string, denominator: string): string | undefined {
  const rest = factorsOf(numerator);
  for (const name of factorsOf(denominator)) {
    const at = rest.indexOf(name);
    if (at < 0) return undefined;
    rest.splice(at, 1);
  }
  return rest.join("*");
}

function factorsOf(monomial: string): string[] {
  return monomial === "" ? [] : monomial.split("*");
}

/** undefined where the sizes are too large to be exact, or the text too long. */
function print(polynomial: Polynomial): Dim {
  if (polynomial.size === 0) return 0;
  for (const coefficient of polynomial.values()) {
    if (!Number.isSafeInteger(coefficient)) return undefined;
  }
  // The constant comes last, as people write it: "n+1", "2*n-3".
  const monomials = [...polynomial.keys()].sort((a, b) =>
    a === "" ? 1 : b === "" ? -1 : a < b ? -1 : 1,
  );
  if (monomials.length === 1 && monomials[0] === "") return polynomial.get("") as number;
  let text = "";
  for (const monomial of monomials) {
    const coefficient = polynomial.get(monomial) as number;
    const size = Math.abs(coefficient);
    const body = monomial === "" ? `${size}` : size === 1 ? monomial : `${size}*${monomial}`;
    text += coefficient < 0 ? `-${body}` : text === "" ? body : `+${body}`;
  }
  return text.length > LONGEST ? undefined : text;
}
