import { Graph, grad, soft, type Value } from "softonnx/core";

/** A row of the table of cars. */
export interface Car {
  readonly name: string;
  /** In pounds. */
  readonly weight: number;
  /** Miles per gallon. */
  readonly mpg: number;
}

/** A car as somebody has noted it down: a tenth of them without the decimal point. */
export interface NotedCar extends Car {
  readonly noted: number;
}

/** Numbers in (0, 1), the same on every machine: Park and Miller (1988). */
export function randomNumbers(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** Spoils a tenth of the rows as people spoil them. */
export function spoil(cars: readonly Car[], seed: number): NotedCar[] {
  const random = randomNumbers(seed);
  const spoiled = new Set<number>();
  while (spoiled.size < cars.length / 10) spoiled.add(Math.floor(random() * cars.length));
  return cars.map((car, i) => ({ ...car, noted: spoiled.has(i) ? 10 * car.mpg : car.mpg }));
}

export type RegressionLoss = "squares" | "median";

const LOSSES: Readonly<Record<RegressionLoss, (residuals: Value) => Value>> = {
  squares: (residuals) => residuals.mul(residuals).mean(),
  median: (residuals) => soft.median(soft.abs(residuals)),
};

const RATES: Readonly<Record<RegressionLoss, number>> = { squares: 0.02, median: 0.05 };

export const REGRESSION_STEPS = 300;

/** The last third settles: a median has a kink where it is smallest. */
export function regressionRate(loss: RegressionLoss, step: number): number {
  return RATES[loss] * Math.min(1, (3 * (REGRESSION_STEPS - step)) / REGRESSION_STEPS);
}

/** A training step that fits a parabola to noted miles per gallon, and what to export of it. */
export function regressionGraph(
  loss: RegressionLoss,
  cars: readonly Car[],
): { readonly graph: Graph; readonly prediction: Value } {
  const weights = cars.map(({ weight }) => weight);
  const mean = weights.reduce((sum, x) => sum + x, 0) / weights.length;
  const deviation = Math.sqrt(
    weights.reduce((sum, x) => sum + (x - mean) ** 2, 0) / weights.length,
  );
  const graph = new Graph(`regression_by_${loss}`);
  const weight = graph.input("weight", "float32", ["n"]);
  const noted = graph.input("noted", "float32", ["n"]);
  const rate = graph.input("rate", "float32", []);
  const w = graph.parameter("w", [20, 0, 0]);
  const velocity = graph.parameter("velocity", [0, 0, 0]);

  const z = weight.sub(mean).div(deviation).unsqueeze(1);
  const powers = z.pow([[0, 1, 2]]);
  const prediction = powers.matmul(w);
  const value = LOSSES[loss](noted.sub(prediction));
  const [dw] = grad(value, [w]) as [Value];
  const next = velocity.mul(0.9).sub(dw.mul(rate));
  graph.output("loss", value).update(velocity, next).update(w, w.add(next));
  return { graph, prediction };
}
