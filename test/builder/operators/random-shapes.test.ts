import fc from "fast-check";
import * as op from "../../../src/builder/operators/index.ts";
import type { Value } from "../../../src/builder/value.ts";
import { type Built, buildCase, type Case, expectTrue, runCase } from "./harness.ts";

const dims = fc.integer({ min: 1, max: 4 });

/** Fails unless ONNX Runtime returns what is inferred. */
async function check(one: Omit<Case, "shape">): Promise<void> {
  const whole: Case = { ...one, shape: undefined };
  const built = buildCase(whole, "static") as Built;
  const actual = await runCase(built, whole, "all");
  built.values.forEach((value, i) => {
    expect(value.shape?.every((dim) => typeof dim === "number")).toBe(true);
    expectTrue(value, actual[i] as never);
  });
}

describe("ONNX Runtime returns the inferred shape", () => {
  test("of any slice of a vector, also of one that is out of range or empty", async () => {
    const bound = fc.integer({ min: -8, max: 8 });
    const step = fc.integer({ min: -3, max: 3 }).filter((by) => by !== 0);
    const size = fc.integer({ min: 0, max: 6 });
    await fc.assert(
      fc.asyncProperty(size, bound, bound, step, (length, start, end, steps) =>
        check({
          inputs: { x: [length] },
          build: ({ x }) => op.slice(x as Value, start, end, { steps }),
        }),
      ),
      { numRuns: 150 },
    );
  });

  test("of any product that broadcasts", async () => {
    const shared = fc.array(dims, { maxLength: 2 });
    const ones = fc.array(fc.boolean(), { minLength: 2, maxLength: 2 });
    const sides = fc.tuple(fc.option(dims), dims, fc.option(dims));
    await fc.assert(
      fc.asyncProperty(shared, ones, ones, sides, (batch, left, right, [rows, inner, columns]) => {
        const some = (which: readonly boolean[]) => batch.map((dim, i) => (which[i] ? 1 : dim));
        const a = rows === null ? [inner] : [...some(left), rows, inner];
        const b = columns === null ? [inner] : [...some(right).slice(1), inner, columns];
        return check({
          inputs: { x: a, y: b },
          build: ({ x, y }) => op.matmul(op.abs(x as Value), y as Value),
        });
      }),
      { numRuns: 60 },
    );
  });

  test("of any reduction, transposition and reshape", async () => {
    const shape = fc.array(dims, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        shape,
        fc.array(fc.nat(), { maxLength: 4 }),
        fc.boolean(),
        (x, picks, keepdims) => {
          const axes = [...new Set(picks.map((pick) => pick % x.length))];
          const order = x.map((_, axis) => axis).sort((a, b) => (picks[a] ?? 0) - (picks[b] ?? 0));
          return check({
            inputs: { x },
            build: ({ x: value }) => {
              const moved = op.transpose(value as Value, order);
              const at = axes[0] ?? 0;
              return [
                op.reduceSum(value as Value, { axes, keepdims }),
                moved,
                op.reshape(moved, [...order.slice(0, at).map((axis) => x[axis] as number), -1]),
                op.unsqueeze(moved, axes),
              ];
            },
          });
        },
      ),
      { numRuns: 60 },
    );
  });
});
