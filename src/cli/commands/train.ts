import { readFile } from "node:fs/promises";
import { optimizers } from "../../index.ts";
import { createTrainer, type EpochRecord, readCsv, saveModel, type Trainer } from "../../node.ts";
import type { Command, Given, Terminal } from "../command.ts";
import { RecipeError } from "../recipe/checked.ts";
import { buildNetwork } from "../recipe/network.ts";
import { type Recipe, readRecipe } from "../recipe/recipe.ts";
import { type Columns, csvColumns, feedsOf, scalesOf } from "../recipe/table.ts";
import { TrainingLog } from "../recipe/training-log.ts";
import { count } from "../table.ts";

export const trainCommand: Command = {
  name: "train",
  summary: "train a model on a table, by a recipe",
  usage: "RECIPE TABLE [-o FILE]",
  details: `
RECIPE is JSON: which columns of TABLE (a .csv with a heading) go in, which one is to be predicted, the
layers between, and the loss. All but inputs and target may be left out:

  {
    "inputs": ["weight", "power", { "column": "origin", "categories": ["USA", "Europe", "Japan"] }],
    "target": "mpg",
    "network": [{ "dense": 16, "activation": "relu" }],
    "loss": { "name": "huber", "delta": 1 },
    "optimizer": { "name": "adam", "rate": 0.01 },
    "epochs": 50, "batchSize": 32, "validation": 0.2, "patience": 10, "seed": 1
  }

Losses of a column of numbers: mse, mae, huber, pinball, softSpearman, softNdcg; of categories:
crossEntropy, topkCrossEntropy. Options of a loss or optimizer are those of the function of that name.
The model takes the columns as they stand in the table, texts included, and gives prediction, score (of
losses that rank) or label and probabilities.

  softonnx train recipe.json cars.csv -o mpg.onnx --log mpg.csv
  softonnx plot mpg.csv`,
  options: [
    { name: "output", short: "o", value: "FILE", about: "the model; by default model.onnx" },
    { name: "log", value: "FILE", about: "a .csv of the losses and metrics of all epochs" },
    {
      name: "checkpoint",
      value: "FILE",
      about: "keep all state here after every epoch, and go on from it",
    },
  ],
  operands: [2, 2],
  run: async (given, terminal) => {
    const [recipePath, tablePath] = given.operands as [string, string];
    const recipe = await recipeFrom(recipePath);
    const columns = await readCsv(tablePath, { columns: csvColumns(recipe) });
    const trainer = trainerOf(recipe, columns);
    try {
      await follow(trainer, recipe, columns, given, terminal);
      const file = given.text("output") ?? "model.onnx";
      await saveModel(file, await trainer.export());
      terminal.note(`wrote ${file}`);
    } finally {
      await trainer.dispose();
    }
  },
};

async function recipeFrom(path: string): Promise<Recipe> {
  const json = await readFile(path, "utf8");
  try {
    return readRecipe(json);
  } catch (error) {
    throw error instanceof RecipeError ? new RecipeError(`${path}: ${error.message}`) : error;
  }
}

function trainerOf(recipe: Recipe, columns: Columns): Trainer {
  const { graph, loss, metrics, outputs } = buildNetwork(recipe, scalesOf(recipe, columns));
  const { name, options } = recipe.optimizer;
  return createTrainer(graph, {
    loss,
    metrics,
    outputs,
    optimizer: optimizers[name](options),
    seed: recipe.seed,
  });
}

async function follow(
  trainer: Trainer,
  recipe: Recipe,
  columns: Columns,
  given: Given,
  terminal: Terminal,
): Promise<void> {
  const { epochs, batchSize, validation, patience } = recipe;
  const checkpoint = given.text("checkpoint");
  const logPath = given.text("log");
  const log = logPath === undefined ? undefined : await TrainingLog.open(logPath, checkpoint);
  const data = feedsOf(recipe, columns);
  const records = trainer.fit(data, {
    epochs,
    batchSize,
    ...(validation === undefined ? {} : { validation }),
    ...(patience === undefined ? {} : { earlyStopping: { patience, restoreBest: true } }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
  });
  for await (const record of records) {
    await log?.add(record);
    terminal.note(lineOf(record, epochs));
  }
  if (logPath !== undefined) terminal.note(`wrote ${logPath}`);
}

/** `epoch 3 of 50: loss 0.1234, mae 2.1; held back: loss 0.15, mae 2.3`. */
function lineOf(record: EpochRecord, epochs: number): string {
  const { epoch, validation, stoppedEarly } = record;
  const scores = ({ loss, metrics }: Pick<EpochRecord, "loss" | "metrics">) =>
    Object.entries({ loss, ...metrics })
      .map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
      .join(", ");
  const held = validation === undefined ? "" : `; held back: ${scores(validation)}`;
  const end = stoppedEarly ? `\nstopped after ${count(epoch, "epoch")}: nothing better came` : "";
  return `epoch ${epoch} of ${epochs}: ${scores(record)}${held}${end}`;
}
