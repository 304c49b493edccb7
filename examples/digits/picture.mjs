import { parse, View } from "vega";
import { compile } from "vega-lite";

const SHOWN = 16;

/** Draws digits that the net got wrong, with what it took them for and how likely it thought each. */
export async function drawDigits({ image, digit }, probabilities, places) {
  const wrong = places.flatMap((place, i) => (place > 0 ? [i] : [])).slice(0, SHOWN);
  const pixels = wrong.flatMap((i, panel) =>
    Array.from(image.subarray(784 * i, 784 * i + 784), (ink, at) => ({
      panel: titleOf(panel + 1, probabilities.subarray(10 * i, 10 * i + 10), Number(digit[i])),
      x: at % 28,
      y: Math.floor(at / 28),
      ink,
    })),
  );
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    title: "Digits held out that the net got wrong",
    config: { font: "sans-serif", view: { stroke: null } },
    data: { values: pixels },
    facet: {
      field: "panel",
      type: "nominal",
      sort: null,
      title: null,
      header: { labelExpr: "split(datum.label, ': ')[1]", labelFontSize: 10 },
    },
    columns: 8,
    spacing: 12,
    spec: {
      width: 84,
      height: 84,
      mark: { type: "rect" },
      encoding: {
        x: { field: "x", type: "ordinal", axis: null },
        y: { field: "y", type: "ordinal", axis: null },
        color: {
          field: "ink",
          type: "quantitative",
          scale: { domain: [0, 1], range: ["white", "#20303c"], interpolate: "rgb" },
          legend: null,
        },
      },
    },
  };
  return new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
}

/** Panels with one title would be one. */
function titleOf(panel, row, right) {
  const taken = row.indexOf(Math.max(...row));
  return `${panel}: ${right} read as ${taken} (${Math.round(100 * row[taken])} %)`;
}
