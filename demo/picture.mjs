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
    clean,
  }));
  const color = {
    field: "fit",
    type: "nominal",
    scale: { domain: fits.map(({ name }) => name), range: ["#1b6ca8", "#d1495b"] },
    legend: { title: null, orient: "top" },
  };
  const weightAxis = {
    field: "weight",
    type: "quantitative",
    scale: { zero: false },
    title: "weight, lb",
  };
  const mpgAxis = {
    field: "mpg",
    type: "quantitative",
    scale: { type: "log", domain: [5, 500] },
    axis: { values: [5, 10, 20, 50, 100, 200, 500] },
    title: "miles per gallon",
  };
  const marks = (values, mark) => ({
    data: { values },
    mark: { ...mark, filled: true, opacity: 0.6 },
    encoding: { x: weightAxis, y: mpgAxis },
  });
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    config: { font: "sans-serif", view: { stroke: "#ccc" } },
    hconcat: [
      {
        title: {
          text: "Fuel use by weight",
          subtitle: "orange crosses: rows typed without the decimal point",
        },
        width: 420,
        height: 320,
        layer: [
          marks(
            points.filter(({ clean }) => clean),
            { type: "point", size: 18, color: "#7a8a99" },
          ),
          marks(
            points.filter(({ clean }) => !clean),
            { type: "point", shape: "cross", size: 40, color: "#e08e0b" },
          ),
          {
            data: { values: lines },
            mark: { type: "line", strokeWidth: 3 },
            encoding: {
              x: weightAxis,
              y: mpgAxis,
              color,
            },
          },
        ],
      },
      {
        title: { text: "Training", subtitle: "loss, relative to the first step" },
        width: 320,
        height: 320,
        data: { values: losses },
        mark: { type: "line", strokeWidth: 2 },
        encoding: {
          x: { field: "step", type: "quantitative" },
          y: { field: "loss", type: "quantitative", title: "loss" },
          color,
        },
      },
    ],
  };
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  return view.toSVG();
}
