import { optionalModule } from "./optional-module.ts";

/** A column of numbers by its name, and the column of the horizontal axis. */
export interface Curves {
  readonly x: string;
  readonly names: readonly string[];
  readonly rows: readonly Readonly<Record<string, number | undefined>>[];
}

/** Draws curves as an SVG: those of one unit (`loss`, `val_loss`) share a panel. */
export async function curvesSvg({ x, names, rows }: Curves): Promise<string> {
  const [vega, vegaLite] = await optionalModule(
    () => Promise.all([import("vega"), import("vega-lite")]),
    "vega vega-lite",
  );
  const panels = new Map<string, string[]>();
  for (const name of names) {
    const unit = unitOf(name);
    panels.set(unit, [...(panels.get(unit) ?? []), name]);
  }
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    config: { font: "sans-serif", view: { stroke: "#ccc" } },
    resolve: { scale: { color: "independent" } },
    vconcat: [...panels].map(([unit, curves]) => ({
      width: 520,
      height: 220,
      data: {
        values: curves.flatMap((curve) =>
          rows
            .filter((row) => Number.isFinite(row[curve]))
            .map((row) => ({ at: row[x], value: row[curve], curve })),
        ),
      },
      mark: { type: "line", strokeWidth: 2, point: rows.length <= 40 },
      encoding: {
        x: { field: "at", type: "quantitative", title: x },
        y: { field: "value", type: "quantitative", title: unit, scale: { zero: false } },
        color: {
          field: "curve",
          type: "nominal",
          scale: { domain: curves, range: ["#1b6ca8", "#d1495b", "#2e8b57", "#e08e0b"] },
          legend: { title: null, orient: "top" },
        },
      },
    })),
  };
  // The specification is JSON to vega-lite; its type spells out every variant.
  const compiled = vegaLite.compile(spec as Parameters<typeof vegaLite.compile>[0]);
  return new vega.View(vega.parse(compiled.spec), { renderer: "none" }).toSVG();
}

/** What a curve measures: `val_loss` is a loss. */
function unitOf(name: string): string {
  return name.replace(/^(val|validation|train)[_.]/, "");
}
