import { existsSync } from "node:fs";
import { join } from "node:path";
import { AVAILABLE_METHODS, goldenCases, goldenFamilies, isAvailable, methodOf } from "./cases.ts";

const families = goldenFamilies();
const cases = families.flatMap(goldenCases);
const waiting = cases.filter((golden) => !isAvailable(golden));

/** "146 of fast_soft_sort, 242 of ot". */
function countByMethod(): string {
  const counts = new Map<string, number>();
  for (const golden of waiting) {
    const method = methodOf(golden) ?? "";
    counts.set(method, (counts.get(method) ?? 0) + 1);
  }
  const entries = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([method, count]) => `${count} of ${method}`).join(", ");
}

describe("the golden cases", () => {
  test("each file of cases has a test file", () => {
    const without = families.filter(
      (family) => !existsSync(join(import.meta.dirname, `${family}.test.ts`)),
    );
    expect(without).toEqual([]);
  });

  test("no two cases have one id", () => {
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
  });

  test("only cases of a method that is not available wait", () => {
    const available = [...AVAILABLE_METHODS].join(" and ");
    process.stdout.write(
      `goldens: ${cases.length - waiting.length} of ${cases.length} cases run (methods ${available}); ` +
        `methods to come: ${countByMethod() || "none"}\n`,
    );
    expect(waiting.filter((golden) => methodOf(golden) === undefined)).toEqual([]);
  });
});
