import fc from "fast-check";
import {
  addDims,
  canonicalDim,
  type Dim,
  divideDims,
  formatShape,
  multiplyDims,
  sameDim,
  sameShape,
  sizeOfShape,
  subtractDims,
} from "../../src/builder/dim.ts";

const names = ["n", "m", "batch", "seq_len"] as const;

/** Dimensions as arithmetic makes them, two or three operations deep. */
const dims: fc.Arbitrary<Dim> = fc.letrec<{ dim: Dim }>((tie) => ({
  dim: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.integer({ min: 0, max: 9 }),
    fc.constantFrom<Dim>(...names),
    fc.tuple(tie("dim"), tie("dim")).map(([a, b]) => addDims(a, b)),
    fc.tuple(tie("dim"), tie("dim")).map(([a, b]) => subtractDims(a, b)),
    fc.tuple(tie("dim"), tie("dim")).map(([a, b]) => multiplyDims(a, b)),
  ),
})).dim;

const substitutions = fc.record(
  Object.fromEntries(names.map((name) => [name, fc.integer({ min: 0, max: 50 })])) as Record<
    (typeof names)[number],
    fc.Arbitrary<number>
  >,
);

/** What a dimension is with numbers for its names, by JavaScript's own arithmetic. */
function evaluate(dim: Dim, values: Readonly<Record<string, number>>): number {
  if (typeof dim === "number") return dim;
  // Adding 0 makes one zero of the two.
  return new Function(...Object.keys(values), `return 0 + ${dim}`)(...Object.values(values)) + 0;
}

describe("The canonical form", () => {
  test.each([
    ["m + n", "m+n"],
    ["n+m", "m+n"],
    ["n+n", "2*n"],
    ["n*2", "2*n"],
    ["2*n*m+1", "2*m*n+1"],
    ["1+n", "n+1"],
    ["n-n", 0],
    ["n - m", "-m+n"],
    ["3", 3],
    ["n*n", "n*n"],
    [7, 7],
    ["", undefined],
    ["?", undefined],
    [null, undefined],
    ["floor(n/2)", "floor(n/2)"],
    ["unk__12", "unk__12"],
    ["a.b:0/c", "a.b:0/c"],
  ])("of %p is %p", (written, canonical) => {
    expect(canonicalDim(written)).toBe(canonical);
  });

  test.each([-1, 1.5, Number.NaN, Infinity])("refuses %p", (size) => {
    expect(() => canonicalDim(size)).toThrow(RangeError);
  });

  test("is one: writing it again changes nothing", () => {
    fc.assert(
      fc.property(dims, (dim) => {
        fc.pre(typeof dim === "string" || (dim as number) >= 0);
        expect(canonicalDim(dim as Dim)).toBe(dim);
      }),
    );
  });

  test("is the same however a sum or product is ordered", () => {
    fc.assert(
      fc.property(dims, dims, dims, (a, b, c) => {
        expect(addDims(a, b)).toBe(addDims(b, a));
        expect(multiplyDims(a, b)).toBe(multiplyDims(b, a));
        expect(addDims(addDims(a, b), c)).toBe(addDims(a, addDims(b, c)));
        expect(multiplyDims(multiplyDims(a, b), c)).toBe(multiplyDims(a, multiplyDims(b, c)));
      }),
    );
  });
});

describe("Arithmetic on dimensions", () => {
  test("keeps the laws of a ring", () => {
    fc.assert(
      fc.property(dims, dims, dims, (a, b, c) => {
        expect(addDims(a, 0)).toBe(a);
        expect(multiplyDims(a, 1)).toBe(a);
        expect(multiplyDims(a, 0)).toBe(0);
        expect(subtractDims(a, a)).toBe(0);
        expect(addDims(subtractDims(a, b), b)).toBe(a);
        expect(multiplyDims(a, addDims(b, c))).toBe(
          addDims(multiplyDims(a, b), multiplyDims(a, c)),
        );
      }),
    );
  });

  test("is that of the numbers that the names stand for", () => {
    fc.assert(
      fc.property(dims, dims, substitutions, (a, b, values) => {
        const [x, y] = [evaluate(a, values), evaluate(b, values)];
        expect(evaluate(addDims(a, b), values)).toBe(x + y);
        expect(evaluate(subtractDims(a, b), values)).toBe(x - y);
        expect(evaluate(multiplyDims(a, b), values)).toBe(x * y + 0);
      }),
    );
  });

  test("divides exactly or not at all", () => {
    fc.assert(
      fc.property(dims, dims, substitutions, (a, b, values) => {
        const quotient = divideDims(a, b);
        fc.pre(quotient !== undefined && evaluate(b, values) !== 0);
        expect(evaluate(quotient, values) * evaluate(b, values) + 0).toBe(evaluate(a, values));
      }),
    );
    expect(divideDims("6*m*n", "2*n")).toBe("3*m");
    expect(divideDims("4*n+2", 2)).toBe("2*n+1");
    expect(divideDims("n+1", 2)).toBeUndefined();
    expect(divideDims("n", 0)).toBeUndefined();
    expect(divideDims(7, 2)).toBeUndefined();
  });

  test("knows nothing of what is unknown, but that nothing times it is nothing", () => {
    expect(addDims(undefined, 1)).toBeUndefined();
    expect(multiplyDims("n", undefined)).toBeUndefined();
    expect(multiplyDims(0, undefined)).toBe(0);
    expect(sizeOfShape(["n", 2, "n"])).toBe("2*n*n");
    expect(sizeOfShape([])).toBe(1);
  });

  test("takes differences apart again", () => {
    const [a, b, c] = ["a", "b", "c"];
    expect(addDims(subtractDims("n", 1), 1)).toBe("n");
    expect(subtractDims(subtractDims(a, b), c)).not.toBe(subtractDims(a, subtractDims(b, c)));
  });
});

describe("Comparing dimensions", () => {
  test("is certain only of what holds for every size", () => {
    fc.assert(
      fc.property(dims, dims, substitutions, (a, b, values) => {
        const same = sameDim(a, b);
        const equal = evaluate(a, values) === evaluate(b, values);
        if (same === true) expect(equal).toBe(true);
        if (same === false) expect(equal).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  test.each<[Dim, Dim, boolean | undefined]>([
    [3, 3, true],
    [3, 4, false],
    ["n", "n", true],
    ["n", "m", undefined],
    ["n", 3, undefined],
    ["n", "n+1", false],
    ["2*n", "n", undefined],
    [undefined, 3, undefined],
    ["n", undefined, undefined],
  ])("%p and %p: %p", (a, b, same) => {
    expect(sameDim(a, b)).toBe(same);
  });

  test("of shapes is certain of a difference in one axis or in rank", () => {
    expect(sameShape(["n", 3], ["n", 3])).toBe(true);
    expect(sameShape(["n", 3], ["m", 4])).toBe(false);
    expect(sameShape(["n", 3], ["m", 3])).toBeUndefined();
    expect(sameShape([3], [3, 3])).toBe(false);
    expect(sameShape(undefined, [3])).toBeUndefined();
  });
});

test("Shapes are printed as people write them", () => {
  expect(formatShape(["n", 3, undefined])).toBe("[n, 3, ?]");
  expect(formatShape([])).toBe("[]");
  expect(formatShape(undefined)).toBe("[…]");
});
