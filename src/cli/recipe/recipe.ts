import { Checked, RecipeError } from "./checked.ts";

/** A column of the table that goes into the network. */
export interface ColumnRecipe {
  readonly column: string;
  /** The texts that it may hold; undefined for a column of numbers. */
  readonly categories: readonly string[] | undefined;
}

export const ACTIVATIONS = ["relu", "tanh", "sigmoid", "gelu", "elu", "selu", "softplus"] as const;

/** One layer of the network. */
export type LayerRecipe =
  | {
      readonly kind: "dense";
      readonly size: number;
      readonly activation: (typeof ACTIVATIONS)[number];
    }
  | { readonly kind: "norm" };

/** A loss or optimizer by its name, with the options of the function of that name. */
export interface Named<Name extends string> {
  readonly name: Name;
  readonly options: Readonly<Record<string, unknown>>;
}

export const NUMBER_LOSSES = [
  "mse",
  "mae",
  "huber",
  "pinball",
  "softSpearman",
  "softNdcg",
] as const;
export const CATEGORY_LOSSES = ["crossEntropy", "topkCrossEntropy"] as const;
export const OPTIMIZERS = ["sgd", "adam", "adamw", "rmsprop", "adagrad", "lion"] as const;

export type LossName = (typeof NUMBER_LOSSES)[number] | (typeof CATEGORY_LOSSES)[number];

/** What `softonnx train` is to do. */
export interface Recipe {
  readonly inputs: readonly ColumnRecipe[];
  readonly target: ColumnRecipe;
  readonly network: readonly LayerRecipe[];
  readonly loss: Named<LossName>;
  readonly optimizer: Named<(typeof OPTIMIZERS)[number]>;
  readonly epochs: number;
  readonly batchSize: number;
  /** The share of rows held back. */
  readonly validation: number | undefined;
  /** How many epochs in a row may bring nothing better. */
  readonly patience: number | undefined;
  readonly seed: number;
}

/** Reads a recipe from JSON.
 * @throws RecipeError that names the place of what is wrong */
export function readRecipe(json: string): Recipe {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new RecipeError(`it is no JSON: ${(cause as Error).message}`);
  }
  const fields = new Checked(value, "").fields([
    "inputs",
    "target",
    "network",
    "loss",
    "optimizer",
    "epochs",
    "batchSize",
    "validation",
    "patience",
    "seed",
  ]);
  const { seed, patience, validation, batchSize, epochs } = fields;
  const inputs = fields.inputs.list("a list of columns").map(column);
  if (inputs.length === 0) fields.inputs.fail("at least one column");
  const target = column(fields.target);
  const names = [...inputs, target].map((each) => each.column);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new RecipeError(`the column "${twice}" is there twice`);
  const losses: readonly LossName[] =
    target.categories === undefined ? NUMBER_LOSSES : CATEGORY_LOSSES;
  return {
    inputs,
    target,
    network: fields.network.given ? fields.network.list().map(layer) : [],
    loss: named(fields.loss, losses, losses[0] as LossName),
    optimizer: named(fields.optimizer, OPTIMIZERS, "adam"),
    epochs: epochs.given ? epochs.count() : 20,
    batchSize: batchSize.given ? batchSize.count() : 32,
    validation: validation.given
      ? validation.number("a share between 0 and 1", (n) => n > 0 && n < 1)
      : undefined,
    patience: patience.given ? patience.count() : undefined,
    seed: seed.given
      ? seed.number("a whole number from 0", (n) => Number.isSafeInteger(n) && n >= 0)
      : 0,
  };
}

function column(given: Checked): ColumnRecipe {
  if (given.isText) return { column: given.text(), categories: undefined };
  const fields = given.fields(["column", "categories"]);
  const categories = fields.categories.given ? fields.categories.texts() : undefined;
  if (categories !== undefined && categories.length < 2) {
    fields.categories.fail("at least two texts");
  }
  return { column: fields.column.text("the name of a column"), categories };
}

function layer(given: Checked): LayerRecipe {
  const fields = given.fields(["dense", "activation", "norm"]);
  const kinds = (["dense", "norm"] as const).filter((kind) => fields[kind].given);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) given.fail("either dense or norm");
  if (kind !== "dense" && fields.activation.given) {
    throw new RecipeError(`${fields.activation.path}: only a dense layer has one`);
  }
  if (kind === "norm") {
    fields.norm.word(["layer"]);
    return { kind };
  }
  const { dense, activation } = fields;
  return {
    kind,
    size: dense.count(),
    activation: activation.given ? activation.word(ACTIVATIONS) : "relu",
  };
}

function named<Name extends string>(
  given: Checked,
  names: readonly Name[],
  fallback: Name,
): Named<Name> {
  if (!given.given) return { name: fallback, options: {} };
  if (given.isText) return { name: given.word(names), options: {} };
  const { name } = given.fields(["name", ...Object.keys(given.rest(["name"]))]);
  return { name: (name as Checked).word(names), options: given.rest(["name"]) };
}
