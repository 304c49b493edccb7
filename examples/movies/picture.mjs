import { parse, View } from "vega";
import { compile } from "vega-lite";

/** Draws, for each net, the place of every film in its order against the place by takings: the closer to
 * the diagonal, the better. */
export async function drawOrders(takings, results) {
  const places = placesOf(takings);
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    config: { font: "sans-serif", view: { stroke: "#ccc" } },
    hconcat: results.map(({ name, scores, correlation }) => {
      const given = placesOf(scores);
      return {
        title: { text: name, subtitle: `rank correlation ${correlation.toFixed(3)}` },
        width: 240,
        height: 240,
        data: { values: places.map((place, i) => ({ place, given: given[i] })) },
        mark: { type: "point", filled: true, size: 12, opacity: 0.55, color: "#1b6ca8" },
        encoding: {
          x: { field: "place", type: "quantitative", title: "place by takings" },
          y: { field: "given", type: "quantitative", title: "place by score" },
        },
      };
    }),
  };
  return new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
}

/** 1 for the largest. */
function placesOf(list) {
  const order = list.map((_, i) => i).sort((i, j) => list[j] - list[i]);
  const places = new Array(list.length);
  order.forEach((i, place) => {
    places[i] = place + 1;
  });
  return places;
}
