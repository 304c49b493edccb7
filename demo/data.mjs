import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** Fuel use and weight of the cars in vega-datasets, a tenth of the rows spoiled as people spoil them:
 * typed without the decimal point. The same rows every time. */
export async function spoiledCars() {
  // The package keeps its data out of its exports; its entry point lies beside them.
  const entry = createRequire(import.meta.url).resolve("vega-datasets");
  const path = new URL("../data/cars.json", pathToFileURL(entry));
  const rows = JSON.parse(await readFile(path, "utf8")).filter(
    (row) => row.Miles_per_Gallon !== null,
  );
  const random = randomNumbers(7);
  const spoiled = new Set();
  while (spoiled.size < rows.length / 10) spoiled.add(Math.floor(random() * rows.length));
  return rows.map((row, i) => ({
    name: row.Name,
    weight: row.Weight_in_lbs,
    mpg: row.Miles_per_Gallon,
    noted: spoiled.has(i) ? 10 * row.Miles_per_Gallon : row.Miles_per_Gallon,
    clean: !spoiled.has(i),
  }));
}

export function meanAndDeviation(values) {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}

/** The minimal standard generator of Park and Miller (1988): enough to choose rows. */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
