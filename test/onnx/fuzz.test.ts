import { survive } from "./fuzz.ts";

test("2,000 mutated models: an error or a model, each in a second", () => {
  const { models, differentiated, refused, faults } = survive(2_000, 1, 1_000);
  expect(faults).toEqual([]);
  expect(models + refused).toBe(2_000);
  // Most get past the first checks, or nothing behind them is tried.
  expect(models).toBeGreaterThan(800);
  expect(differentiated).toBeGreaterThan(300);
});
