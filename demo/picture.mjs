import { parse, View } from "vega";
import { compile } from "vega-lite";

/** Draws both fits over the data, and both losses over the steps, as one SVG.
 *
 * @param cars rows with weight, noted (miles per gallon as fed) and clean
 * @param fits one a model: name, weights, predictions, losses */
export async function drawFits(cars, fits) {
  const lines = fits.flatMap(({ name, weights, predictions }) =>
    weights.map((weight, i) => ({ fit: name, weight, mpg: predictions[i] })),
  );
  const losses = fits.flatMap(({ name, losses: values }) =>
    values.map((loss, step) => ({ fit: name, step, loss: loss / values[0] })),
  );
  const points = cars.map(({ weight, noted, clean }) => ({
    weight,
    mpg: noted,
    row: clean ? "as measured" : "decimal point lost",
  }));
  const color = {
    field: "fit",
    type: "nominal",
    scale: { domain: fits.map(({ name }) => name), range: ["#1b6ca8", "#d1495b"] },
    legend: { title: null, orient: "top" },
  };
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    config: { font: "sans-serif", view: { stroke: "#ccc" } },
    hconcat: [
      {
        title: "Miles per gallon by weight",
        width: 420,
        height: 320,
        layer: [
          {
            data: { values: points },
            mark: { type: "point", filled: true, size: 22, opacity: 0.55, clip: true },
            encoding: {
              x: {
                field: "weight",
                type: "quantitative",
                scale: { zero: false },
                title: "weight, lb",
              },
              y: {
                field: "mpg",
                type: "quantitative",
                scale: { domain: [0, 120], clamp: false },
                title: "miles per gallon (spoiled rows go on to 400)",
              },
              shape: { field: "row", type: "nominal", legend: { title: null, orient: "top" } },
              opacity: {
                condition: { test: "datum.row === 'as measured'", value: 0.35 },
                value: 0.9,
              },
            },
          },
          {
            data: { values: lines },
            mark: { type: "line", strokeWidth: 3 },
            encoding: {
              x: { field: "weight", type: "quantitative" },
              y: { field: "mpg", type: "quantitative" },
              color,
            },
          },
        ],
      },
      {
        title: "Loss, relative to the first step",
        width: 320,
        height: 320,
        data: { values: losses },
        mark: { type: "line", strokeWidth: 2 },
        encoding: {
          x: { field: "step", type: "quantitative" },
          y: { field: "loss", type: "quantitative", scale: { type: "log" }, title: "loss" },
          color,
        },
      },
    ],
  };
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  return view.toSVG();
}
