import { optimize } from "svgo";
import { parse, View } from "vega";
import { compile } from "vega-lite";
import { simplify } from "./simplify.mjs";

/** Draws a grid of panels.
 *
 * @param figure
 *   - x, range: title and ends of the horizontal axis
 *   - rows: [{ title, sharedScale, panels: [{ title, curves: [{ name, points: [[x, y], …] }] }] }], or
 *     panels with cells: [[probability, …], …] in the place of curves
 *   - names: [{ name, color, dash? }], in the order of the legend
 * @returns SVG, coordinates rounded to a tenth of a pixel */
export async function draw({ x, range, rows, names, size }) {
  const columns = Math.max(...rows.map(({ panels }) => panels.length));
  const panel = size ?? PANELS[Math.min(columns, PANELS.length) - 1];
  const last = rows.length - 1;
  const spec = {
    background: "white",
    padding: 4,
    config: CONFIG,
    spacing: 14,
    vconcat: rows.map((row, i) => ({
      spacing: row.sharedScale ? 12 : 44,
      bounds: "flush",
      hconcat: row.panels.map((one, j) =>
        one.cells === undefined
          ? curvesPanel(one, {
              row,
              x: i === last ? x : null,
              range,
              first: j === 0,
              top: i === 0,
              names,
              panel,
            })
          : cellsPanel(one, { row, first: j === 0, top: i === 0, panel }),
      ),
    })),
  };
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  return lighten(await view.toSVG());
}

/** Sizes for one, two, … panels side by side. */
const PANELS = [
  { width: 420, height: 240 },
  { width: 310, height: 210 },
  { width: 210, height: 170 },
  { width: 160, height: 130 },
  { width: 125, height: 110 },
  { width: 105, height: 95 },
];

const CONFIG = {
  font: "sans-serif",
  view: { stroke: "#ccc" },
  axis: { gridColor: "#eee", domain: false, tickColor: "#ccc", labelColor: "#444" },
  title: { fontSize: 11, fontWeight: "bold", anchor: "middle", frame: "group", offset: 6 },
  legend: { orient: "top", title: null, symbolType: "stroke", symbolStrokeWidth: 2.5 },
  line: { strokeWidth: 1.8, strokeJoin: "round" },
};

function curvesPanel({ title, curves }, { row, x, range, first, top, names, panel }) {
  const among = row.sharedScale ? row.panels.flatMap((one) => one.curves) : curves;
  const [low, high] = extentOf(among);
  const pixel = { x: (range[1] - range[0]) / panel.width, y: (high - low) / panel.height };
  const values = curves.flatMap(({ name, points }) =>
    simplify(points, pixel).map(([px, py]) => ({ x: px, y: py, name })),
  );
  const alone = names.length === 1;
  return {
    ...panel,
    ...(title !== undefined && (top || !row.sharedScale) ? { title } : {}),
    data: { values },
    mark: { type: "line" },
    encoding: {
      x: {
        field: "x",
        type: "quantitative",
        scale: { domain: range, nice: false, zero: false },
        axis: { title: x, labels: x !== null, ticks: x !== null, tickCount: 4 },
      },
      y: {
        field: "y",
        type: "quantitative",
        scale: { domain: [low, high], nice: false, zero: false },
        axis: {
          title: first ? row.title : null,
          labels: first || !row.sharedScale,
          ticks: first || !row.sharedScale,
          tickCount: 4,
        },
      },
      order: { field: "x" },
      color: {
        field: "name",
        type: "nominal",
        scale: { domain: names.map(({ name }) => name), range: names.map(({ color }) => color) },
        ...(alone ? { legend: null } : {}),
      },
      strokeDash: {
        field: "name",
        type: "nominal",
        scale: {
          domain: names.map(({ name }) => name),
          range: names.map(({ dash }) => dash ?? [1, 0]),
        },
        ...(alone ? { legend: null } : {}),
      },
    },
  };
}

/** A matrix of probabilities, darker for larger. */
function cellsPanel({ title, cells }, { row, first, top, panel }) {
  const values = cells.flatMap((line, i) =>
    line.flatMap((p, j) => (p < 0.004 ? [] : [{ i, j, p: Math.round(p * 50) / 50 }])),
  );
  const axis = { labels: false, ticks: false, domain: false };
  return {
    width: panel.width,
    height: panel.width,
    ...(top ? { title } : {}),
    data: { values },
    mark: { type: "rect" },
    encoding: {
      x: {
        field: "j",
        type: "ordinal",
        scale: { domain: cells.map((_, j) => j) },
        axis: { ...axis, title: null },
      },
      y: {
        field: "i",
        type: "ordinal",
        scale: { domain: cells.map((_, i) => i) },
        axis: { ...axis, title: first ? row.title : null },
      },
      color: {
        field: "p",
        type: "quantitative",
        scale: { domain: [0, 1], range: ["#f4f8fb", "#0b3c5d"] },
        legend: null,
      },
    },
  };
}

/** Lowest and highest of all curves, with a margin. */
function extentOf(curves) {
  const all = curves.flatMap(({ points }) => points.map(([, y]) => y));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const margin = high - low > 1e-6 ? (high - low) * 0.06 : 0.5;
  return [low - margin, high + margin];
}

/** Without what Vega writes for screen readers on every mark: the page has a caption. */
function lighten(svg) {
  const { data } = optimize(svg, {
    multipass: true,
    floatPrecision: 1,
    plugins: [
      {
        name: "removeAttrs",
        params: { attrs: "(class|aria-.*|role|pointer-events|stroke-miterlimit)" },
      },
      {
        name: "preset-default",
        params: { overrides: { removeUselessStrokeAndFill: { removeNone: true } } },
      },
    ],
  });
  return `${data}\n`;
}
