import type { CsvColumn, Feed, Tensor } from "../../node.ts";
import { RecipeError } from "./checked.ts";
import type { Scale } from "./network.ts";
import type { ColumnRecipe, Recipe } from "./recipe.ts";

/** The columns of a recipe, as tensors by their names: numbers, or the places of categories. */
export type Columns = Readonly<Record<string, Tensor>>;

/** How the columns of a recipe are read. */
export function csvColumns(recipe: Recipe): Record<string, CsvColumn> {
  const columns = columnsOf(recipe).map(({ column, categories }) => {
    return [column, { from: column, ...(categories === undefined ? {} : { categories }) }] as const;
  });
  return Object.fromEntries(columns);
}

/** Mean and deviation of each column of numbers.
 * @throws RecipeError for a column in which all are the same */
export function scalesOf(recipe: Recipe, columns: Columns): Map<string, Scale> {
  const scales = new Map<string, Scale>();
  for (const { column, categories } of columnsOf(recipe)) {
    if (categories !== undefined) continue;
    const values = Array.from(tensorOf(columns, column).data as Float32Array);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const deviation = Math.sqrt(
      values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length,
    );
    if (deviation === 0) throw new RecipeError(`the column "${column}" is ${mean} in every row`);
    scales.set(column, { mean, deviation });
  }
  return scales;
}

/** What the network is fed: numbers as they are, categories as their texts. */
export function feedsOf(recipe: Recipe, columns: Columns): Record<string, Feed> {
  const feeds = columnsOf(recipe).map(({ column, categories }) => {
    const data = tensorOf(columns, column).data as Float32Array | BigInt64Array;
    if (categories === undefined) return [column, data] as const;
    return [column, [...data].map((place) => categories[Number(place)] as string)] as const;
  });
  return Object.fromEntries(feeds);
}

function columnsOf({ inputs, target }: Recipe): readonly ColumnRecipe[] {
  return [...inputs, target];
}

function tensorOf(columns: Columns, name: string): Tensor {
  return columns[name] as Tensor;
}
