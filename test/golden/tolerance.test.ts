import { call } from "./call.ts";
import { goldenCases } from "./cases.ts";
import { pack } from "./pack.ts";
import { toleranceOf, worstError } from "./tolerance.ts";

const { POSITIVE_INFINITY: inf, NaN: nan } = Number;

describe("the comparison with a golden tensor", () => {
  const error = (got: number[], want: number[]) =>
    worstError({ dims: [got.length], data: got }, { shape: [want.length], data: want });

  test("is relative to the largest expected number, or to 1", () => {
    expect(error([10, 1], [10, 0])).toBeCloseTo(0.1);
    expect(error([0.1, 0.2], [0.1, 0.1])).toBeCloseTo(0.1);
  });

  test("holds infinities and NaN to be equal to themselves alone", () => {
    expect(error([-inf, nan, 0], [-inf, nan, 0])).toBe(0);
    expect(error([-inf], [inf])).toBe(inf);
    expect(error([1e300], [inf])).toBe(inf);
    expect(error([nan], [0])).toBe(inf);
    expect(error([0], [nan])).toBe(inf);
  });

  test("is infinite for another shape", () => {
    expect(worstError({ dims: [2, 1], data: [1, 2] }, { shape: [2], data: [1, 2] })).toBe(inf);
    expect(worstError({ dims: [1], data: [1] }, { shape: [], data: [1] })).toBe(inf);
  });
});

describe("the tolerance of a case", () => {
  const of = (op: string, method?: string) => {
    const args = method === undefined ? {} : { method };
    const golden = { id: "", op, args, out: [], cotangent: null, grad: null };
    return toleranceOf(golden, "float64").value;
  };

  test("goes by the operator, and for solvers by the method", () => {
    expect(of("abs")).toBe(1e-12);
    expect(of("st:rule")).toBe(1e-12);
    expect(of("grad_replace:round/identity")).toBe(1e-12);
    expect(of("sort")).toBe(1e-10);
    expect(of("argmax_st")).toBe(1e-10);
    expect(of("grad_replace:sort/neuralsort")).toBe(1e-10);
    expect(of("sort", "ot")).toBe(1e-9);
  });
});

describe("a pack of cases", () => {
  test("expects every tensor that the cases hold", () => {
    const cases = goldenCases("selection");
    const tensors = cases.flatMap(({ out, grad }) => [...out, ...Object.values(grad ?? {})]);
    const packed = pack(cases, "float64", "symbolic");
    expect(packed.failures).toEqual([]);
    expect(packed.expectations).toHaveLength(tensors.length);
  });

  test("says which case cannot be built", () => {
    const [golden] = goldenCases("selection");
    if (golden === undefined) throw new Error("there are no cases");
    const { failures } = pack([{ ...golden, op: "no_such" }], "float64", "static");
    expect(failures).toEqual([`${golden.id}: soft.noSuch does not exist`]);
    expect(() => call("no_such_st", {}, [true])).toThrow("st.noSuch does not exist");
  });
});
