import { cases } from "./cases.ts";
import {
  buildCase,
  type Case,
  evaluateDim,
  expectTrue,
  type Knowledge,
  runCase,
} from "./harness.ts";

const opsetOf = ({ since = 18 }: Case) => Math.max(since, 18);

describe("Inferred shapes", () => {
  test.each(Object.entries(cases))("of %s", (_, one) => {
    const expected = one.shape?.map((dim) => dim ?? undefined);
    expect(buildCase(one, "symbolic", opsetOf(one))?.values[0]?.shape).toEqual(expected);
    if (one.open) return;
    const named = buildCase(one, "static", opsetOf(one))?.values[0]?.shape;
    expect(named).toEqual(expected?.map((dim) => evaluateDim(dim)));
  });
});

describe("What ONNX Runtime returns is what was inferred, the same at every optimisation level", () => {
  const knowledge: readonly Knowledge[] = ["static", "symbolic", "rank", "nothing"];

  test.each(Object.entries(cases))("for %s", async (_, one) => {
    const results = [];
    for (const know of knowledge) {
      const built = buildCase(one, know, opsetOf(one));
      if (built === undefined) continue;
      for (const level of ["disabled", "all"] as const) {
        const actual = await runCase(built, one, level);
        built.values.forEach((value, i) => {
          expectTrue(value, actual[i] as never);
        });
        results.push(actual.map(({ data, dims }) => ({ data, dims })));
      }
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });
});

describe("The same numbers come out in every opset", () => {
  test.each(Object.entries(cases))("for %s", async (_, one) => {
    const least = one.since ?? 13;
    const results = [];
    for (const opset of [13, 15, 17, 18, 20, 22, 24, 26].filter((version) => version >= least)) {
      const built = buildCase(one, "symbolic", opset);
      if (built === undefined) continue;
      const actual = await runCase(built, one, "all");
      results.push(actual.map(({ data, dims }) => ({ data, dims })));
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });
});
