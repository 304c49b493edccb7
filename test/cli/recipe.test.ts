import type { Value } from "softonnx";
import { evaluate, type Feeds } from "softonnx/node";
import { buildNetwork } from "../../src/cli/recipe/network.ts";
import { readRecipe } from "../../src/cli/recipe/recipe.ts";

async function numbersOf(
  values: Readonly<Record<string, Value>>,
  feeds: Feeds,
): Promise<Record<string, unknown[]>> {
  const tensors = Object.entries(await evaluate(values, feeds));
  return Object.fromEntries(tensors.map(([name, { data }]) => [name, [...data]]));
}

const read = (recipe: unknown) => readRecipe(JSON.stringify(recipe));

describe("a recipe", () => {
  test("needs only inputs and a target", () => {
    expect(read({ inputs: ["weight"], target: "mpg" })).toEqual({
      inputs: [{ column: "weight", categories: undefined }],
      target: { column: "mpg", categories: undefined },
      network: [],
      loss: { name: "mse", options: {} },
      optimizer: { name: "adam", options: {} },
      epochs: 20,
      batchSize: 32,
      validation: undefined,
      patience: undefined,
      seed: 0,
    });
  });

  test("has a loss for what its target is", () => {
    const target = { column: "kind", categories: ["a", "b"] };
    expect(read({ inputs: ["x"], target }).loss.name).toBe("crossEntropy");
  });

  test("hands options of the loss and the optimizer on", () => {
    const { loss, optimizer, network } = read({
      inputs: ["x"],
      target: "y",
      network: [{ dense: 8, activation: "tanh" }, { norm: "layer" }, { dense: 4 }],
      loss: { name: "huber", delta: 2 },
      optimizer: { name: "sgd", rate: 0.1, momentum: 0.9 },
    });
    expect(loss).toEqual({ name: "huber", options: { delta: 2 } });
    expect(optimizer).toEqual({ name: "sgd", options: { rate: 0.1, momentum: 0.9 } });
    expect(network).toEqual([
      { kind: "dense", size: 8, activation: "tanh" },
      { kind: "norm" },
      { kind: "dense", size: 4, activation: "relu" },
    ]);
  });
});

describe("a recipe that cannot be followed is refused with the place", () => {
  const good = { inputs: ["x"], target: "y" };
  test.each<[unknown, string]>([
    [[1], "the recipe: expected an object, { … }, got [1]"],
    [{ target: "y" }, "inputs is missing: a list of columns"],
    [{ ...good, input: "x" }, 'input is unknown; did you mean "inputs"?'],
    [{ ...good, inputs: [] }, "inputs: expected at least one column, got []"],
    [{ ...good, inputs: ["x", 3] }, "inputs[1]: expected an object, { … }, got 3"],
    [{ ...good, target: "x" }, 'the column "x" is there twice'],
    [
      { ...good, inputs: [{ column: "x", categories: ["a", "a"] }] },
      'inputs[0].categories has "a" twice',
    ],
    [
      { ...good, network: [{ dense: 0 }] },
      "network[0].dense: expected a whole number from 1, got 0",
    ],
    [{ ...good, network: [{}] }, "network[0]: expected either dense or norm, got {  }"],
    [
      { ...good, loss: "mss" },
      'loss: expected "mse", "mae", "huber", "pinball", "softSpearman", "softNdcg" (did you mean "mse"?), got "mss"',
    ],
    [{ ...good, validation: 2 }, "validation: expected a share between 0 and 1, got 2"],
    [{ ...good, epochs: 1.5 }, "epochs: expected a whole number from 1, got 1.5"],
  ])("%j", (recipe, message) => {
    expect(() => read(recipe)).toThrow(message);
  });

  test("what is no JSON", () => {
    expect(() => readRecipe("{")).toThrow(/^it is no JSON: /);
  });
});

describe("the network of a recipe", () => {
  test("takes columns as the table has them and predicts in the target's unit", async () => {
    const recipe = read({
      inputs: ["x", { column: "kind", categories: ["a", "b"] }],
      target: "y",
    });
    const scales = new Map([
      ["x", { mean: 10, deviation: 2 }],
      ["y", { mean: 1000, deviation: 50 }],
    ]);
    const { outputs, metrics, loss } = buildNetwork(recipe, scales);
    const feeds = {
      x: [10, 12],
      kind: ["a", "b"],
      y: [1000, 1050],
      "output/weight": [[1], [2], [3]],
    };
    const found = await numbersOf({ ...outputs, ...metrics, loss }, feeds);
    // Standardised: x 0 and 1; a and b one each.
    expect(found.prediction).toEqual([1100, 1200]);
    expect(found.mae).toEqual([(100 + 150) / 2]);
    expect(found.loss).toEqual([(2 ** 2 + 3 ** 2) / 2]);
  });

  test("gives categories their probabilities and the likeliest by name", async () => {
    const recipe = read({ inputs: ["x"], target: { column: "kind", categories: ["no", "yes"] } });
    const { outputs, metrics } = buildNetwork(recipe, new Map([["x", { mean: 0, deviation: 1 }]]));
    const feeds = { x: [-1, 2], kind: ["no", "no"], "output/weight": [[-1, 1]] };
    const found = await numbersOf({ ...outputs, ...metrics }, feeds);
    expect(found.label).toEqual(["no", "yes"]);
    expect(found.probabilities?.[0]).toBeCloseTo(1 / (1 + Math.exp(-2)), 6);
    expect(found.accuracy).toEqual([1, 0]);
  });
});
