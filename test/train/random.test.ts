import { logarithm, philox, randomOf } from "../../src/train/random.ts";

test("philox gives the known answers of Random123", () => {
  const ones = 0xffffffff;
  expect(philox([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  expect(philox([ones, ones, ones, ones], [ones, ones])).toEqual([
    0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd,
  ]);
  expect(
    philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
  ).toEqual([0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]);
});

test("a stream is the same every time, and another for another name or seed", () => {
  const take = (seed: number, stream: string) => {
    const random = randomOf(seed, stream);
    return Array.from({ length: 5 }, () => random.uniform());
  };
  expect(take(7, "w")).toEqual(take(7, "w"));
  expect(take(7, "w")).not.toEqual(take(8, "w"));
  expect(take(7, "w")).not.toEqual(take(7, "v"));
  expect(take(7, "w")).not.toEqual(take(7 + 2 ** 32, "w"));
});

test("these numbers never change", () => {
  const random = randomOf(1, "dense_0/weight");
  expect([random.uniform(), random.uniform(), random.normal()]).toMatchInlineSnapshot(`
[
  0.9582703571403843,
  0.8628606564304202,
  -0.03730919802443027,
]
`);
});

test("uniform and normal numbers have their moments", () => {
  const random = randomOf(3, "moments");
  const count = 20_000;
  const uniform = Array.from({ length: count }, () => random.uniform());
  const normal = Array.from({ length: count }, () => random.normal());
  const mean = (row: readonly number[]) => row.reduce((a, b) => a + b) / row.length;
  expect(Math.min(...uniform)).toBeGreaterThan(0);
  expect(Math.max(...uniform)).toBeLessThan(1);
  expect(Math.abs(mean(uniform) - 0.5)).toBeLessThan(0.01);
  expect(Math.abs(mean(normal))).toBeLessThan(0.03);
  expect(Math.abs(mean(normal.map((x) => x * x)) - 1)).toBeLessThan(0.04);
  expect(Math.abs(mean(normal.map((x) => x ** 4)) - 3)).toBeLessThan(0.25);
});

test("the logarithm is Math.log to the last digits", () => {
  for (const x of [1e-300, 1e-5, 0.3, Math.SQRT1_2, 0.999, 1, 1.5, 2, 1e6]) {
    expect(Math.abs(logarithm(x) - Math.log(x))).toBeLessThanOrEqual(
      4e-16 * Math.max(1, Math.abs(Math.log(x))),
    );
  }
});
