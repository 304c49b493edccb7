import { schedules } from "softonnx";

const { constant, cosine, oneCycle, stepDecay, warmup } = schedules;

const at = (schedule: (step: number) => number, ...steps: number[]) =>
  steps.map((step) => Number(schedule(step).toPrecision(12)));

test("constant", () => {
  expect(at(constant(0.5), 0, 10, 1e6)).toEqual([0.5, 0.5, 0.5]);
});

test("stepDecay falls every so many steps", () => {
  expect(at(stepDecay({ rate: 1, every: 3 }), 0, 2, 3, 5, 6)).toEqual([1, 1, 0.1, 0.1, 0.01]);
  expect(at(stepDecay({ rate: 8, every: 1, factor: 0.5 }), 0, 1, 3)).toEqual([8, 4, 1]);
});

test("cosine goes from the rate to the floor and stays there", () => {
  const schedule = cosine({ rate: 1, steps: 12, floor: 0.2 });
  expect(at(schedule, 0, 4, 6, 12, 20)).toEqual([1, 0.8, 0.6, 0.2, 0.2]);
});

test("oneCycle has torch's numbers", () => {
  // torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1, total_steps=10)
  const schedule = oneCycle({ peak: 1, steps: 10 });
  const torch = [
    0.04, 0.52, 1, 0.95048463, 0.81174565, 0.61126202, 0.38874198, 0.18825835, 0.04951937, 4e-6,
  ];
  for (const [step, rate] of torch.entries()) expect(schedule(step)).toBeCloseTo(rate, 7);
});

test("warmup rises in a line to where the other begins", () => {
  const schedule = warmup(stepDecay({ rate: 1, every: 2 }), 3);
  expect(at(schedule, 0, 1, 2, 3, 4, 5)).toEqual([0.25, 0.5, 0.75, 1, 1, 0.1]);
});

test.each<[string, () => unknown, RegExp]>([
  [
    "no steps",
    () => cosine({ rate: 1, steps: 0 }),
    /cosine: steps: expected a whole number from 1/,
  ],
  ["a rate below 0", () => constant(-1), /constant: rate: expected a number from 0, got -1/],
  ["a rise of all steps", () => oneCycle({ peak: 1, steps: 5, rising: 1 }), /between 0 and 1/],
  ["a rate to warm up to", () => warmup(0.1 as never, 5), /schedule: expected a function/],
  [
    "another library's option",
    () => cosine({ rate: 1, T_max: 5 } as never),
    /unknown option "T_max"/,
  ],
])("refuses %s", (_, make, message) => {
  expect(make).toThrow(message);
});
