import { curvesOf, elementsOf, spaced } from "./curves.mjs";
import { draw } from "./figure.mjs";
import { entryNames, METHODS, modeNames, SOFT } from "./names.mjs";

/** The pictures of one operator.
 *
 * @param library softonnx
 * @param name of the operator
 * @param sample of samples.mjs
 * @returns [{ file, svg }, …] */
export async function picturesOf(library, name, sample) {
  const kinds = { byMode, byEntry, byForm };
  const pictures = [
    { file: `${name}.svg`, svg: await draw(await kinds[sample.kind](library, sample)) },
  ];
  if (sample.byMethod) {
    const figure = sample.kind === "byMode" ? methodsOfNumber : methodsOfEntries;
    pictures.push({ file: `${name}.methods.svg`, svg: await draw(await figure(library, sample)) });
  }
  if (sample.heatmap) {
    pictures.push({ file: `${name}.matrix.svg`, svg: await draw(await matrices(library, sample)) });
  }
  return pictures;
}

/** What the pictures of an operator are called and show; known without drawing them. */
export function captionsOf(name, sample) {
  const { caption = "" } = sample;
  const captions = [{ file: `${name}.svg`, caption }];
  if (sample.byMethod) {
    captions.push({ file: `${name}.methods.svg`, caption: "The same values by every method." });
  }
  if (sample.heatmap) {
    captions.push({ file: `${name}.matrix.svg`, caption: sample.heatmap.caption });
  }
  return captions;
}

const POINTS = 120;

function curves(library, { build, from, to, oneByOne }, ...options) {
  return curvesOf(library, (t) => build(t, ...options), spaced(from, to, POINTS), oneByOne);
}

function axisOf({ x, from, to }) {
  return { x, range: [from, to] };
}

async function byMode(library, sample) {
  const found = {};
  for (const mode of sample.modes) found[mode] = (await curves(library, sample, { mode })).y;
  const panel = (title, side) => ({
    title,
    curves: sample.modes.map((name) => ({ name, points: found[name][side] })),
  });
  return {
    ...axisOf(sample),
    names: modeNames(sample.modes),
    rows: [{ title: null, panels: [panel("value", "value"), panel("gradient", "slope")] }],
  };
}

async function byEntry(library, sample) {
  const found = [];
  for (const mode of sample.modes) {
    found.push({ title: mode, curves: await curves(library, sample, { mode }) });
  }
  return { ...axisOf(sample), names: entryNames(sample.entries), rows: bothSides(found) };
}

async function byForm(library, sample) {
  const found = [];
  for (const [title, options] of Object.entries(sample.forms)) {
    found.push({ title, curves: await curves(library, sample, options) });
  }
  return { ...axisOf(sample), names: entryNames(sample.entries), rows: bothSides(found) };
}

/** A row of values over a row of gradients. */
function bothSides(found) {
  const row = (title, side) => ({
    title,
    sharedScale: true,
    panels: found.map((one) => ({ title: one.title, curves: sideOf(one.curves, side) })),
  });
  return [row("value", "value"), row("gradient", "slope")];
}

function sideOf(found, side) {
  return Object.entries(found).map(([name, one]) => ({ name, points: one[side] }));
}

/** Three methods a row. */
async function methodsOfNumber(library, sample) {
  const panels = [];
  for (const method of METHODS) {
    const panel = [];
    for (const mode of SOFT) {
      const found = await available(() => curves(library, sample, { mode, method }));
      if (found !== undefined) panel.push({ name: mode, points: found.y.value });
    }
    if (panel.length > 0) panels.push({ title: method, curves: panel });
  }
  const rows = [panels.slice(0, 3), panels.slice(3)].filter((row) => row.length > 0);
  return {
    ...axisOf(sample),
    names: modeNames(SOFT),
    rows: rows.map((row) => ({ title: "value", panels: row })),
  };
}

/** A row for each method, a column for each mode. */
async function methodsOfEntries(library, sample) {
  const rows = [];
  for (const method of METHODS) {
    const panels = [];
    for (const mode of SOFT) {
      const found = await available(() => curves(library, sample, { mode, method }));
      if (found !== undefined) panels.push({ title: mode, curves: sideOf(found, "value") });
    }
    if (panels.length > 0) rows.push({ title: method, sharedScale: true, panels });
  }
  return {
    ...axisOf(sample),
    names: entryNames(sample.entries),
    rows,
    size: { width: 160, height: 90 },
  };
}

async function matrices(library, { heatmap: { build, size } }) {
  const rows = [];
  for (const method of METHODS) {
    const panels = [];
    for (const mode of SOFT) {
      const found = await available(() => elementsOf(library, (g) => build(g, { mode, method })));
      if (found === undefined) continue;
      const cells = Array.from({ length: size }, (_, i) => found.slice(i * size, (i + 1) * size));
      panels.push({ title: mode, cells });
    }
    if (panels.length > 0) rows.push({ title: method, sharedScale: true, panels });
  }
  return { rows, names: [], size: { width: 110 } };
}

/** undefined where an operator has no such method or mode. */
async function available(make) {
  try {
    return await make();
  } catch (error) {
    if (/method|mode/.test(error.message)) return undefined;
    throw error;
  }
}
