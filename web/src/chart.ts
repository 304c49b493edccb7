import { digits, draw, onWidth, setAll } from "./dom.ts";

export interface Line {
  readonly label: string;
  readonly xs: ArrayLike<number>;
  readonly ys: ArrayLike<number>;
  /** A class of the style sheet: "value", "hard", "slope", "other". */
  readonly look: string;
}

export interface Dots {
  readonly xs: ArrayLike<number>;
  readonly ys: ArrayLike<number>;
  readonly look: string;
  /** Which stand out. */
  readonly marked?: (i: number) => boolean;
}

export interface Picture {
  readonly lines: readonly Line[];
  readonly dots?: Dots;
  /** A place on the horizontal axis to mark. */
  readonly mark?: number;
  /** What the vertical axis shows at least. */
  readonly yRange?: readonly [number, number];
  readonly xRange?: readonly [number, number];
  /** Equal steps up are equal factors. Needs a `yRange` above 0. */
  readonly yLogarithmic?: boolean;
}

interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A chart of lines that fills the width of its place and is read out as `label`.
 *
 * @returns draws another picture */
export function chartIn(
  place: HTMLElement,
  { label, height, xName, yName }: { label: string; height: number; xName: string; yName: string },
): (picture: Picture) => void {
  const svg = draw("svg", { role: "img", "aria-label": label, height, class: "chart" });
  place.append(svg);
  let width = 0;
  let shown: Picture | undefined;
  const redraw = () => {
    if (shown === undefined || width === 0) return;
    setAll(svg, { width, viewBox: `0 0 ${width} ${height}` });
    const frame = { left: 46, right: width - 10, top: 24, bottom: height - 38 };
    svg.replaceChildren(...contentOf(shown, frame, xName, yName));
    setAll(svg, { "aria-label": `${label}. ${spokenOf(shown)}` });
  };
  onWidth(place, (now) => {
    width = now;
    redraw();
  });
  return (picture) => {
    shown = picture;
    redraw();
  };
}

function contentOf(picture: Picture, frame: Frame, xName: string, yName: string): SVGElement[] {
  const [xLow, xHigh] = rangeOf(
    [...picture.lines, ...(picture.dots ? [picture.dots] : [])].map(({ xs }) => xs),
    picture.xRange,
    0,
  );
  const [yLow, yHigh] = rangeOf(
    [...picture.lines, ...(picture.dots ? [picture.dots] : [])].map(({ ys }) => ys),
    picture.yRange,
    0.06,
  );
  const { left, right, top, bottom } = frame;
  const px = (x: number) => left + ((x - xLow) / (xHigh - xLow)) * (right - left);
  const scale = picture.yLogarithmic === true ? Math.log : (y: number) => y;
  const py = (y: number) =>
    bottom - ((scale(y) - scale(yLow)) / (scale(yHigh) - scale(yLow))) * (bottom - top);
  const elements: SVGElement[] = [];
  const rows = picture.yLogarithmic
    ? factorsOf(yLow, yHigh)
    : ticksOf(yLow, yHigh, (bottom - top) / 44);
  for (const y of rows) {
    const at = py(y);
    elements.push(
      draw("line", { x1: left, x2: right, y1: at, y2: at, class: y === 0 ? "grid zero" : "grid" }),
      draw("text", { x: left - 8, y: at + 4, class: "tick end" }, digits(y)),
    );
  }
  for (const x of ticksOf(xLow, xHigh, (right - left) / 70)) {
    elements.push(draw("text", { x: px(x), y: bottom + 18, class: "tick middle" }, digits(x)));
  }
  elements.push(
    draw("text", { x: right, y: bottom + 34, class: "axis end" }, xName),
    draw("text", { x: left - 38, y: top - 10, class: "axis" }, yName),
  );
  if (picture.mark !== undefined) {
    const at = px(picture.mark);
    elements.push(draw("line", { x1: at, x2: at, y1: top, y2: bottom, class: "mark" }));
  }
  const { dots } = picture;
  if (dots !== undefined) {
    for (let i = 0; i < dots.xs.length; i++) {
      const [x, y] = [dots.xs[i] as number, dots.ys[i] as number];
      if (y < yLow || y > yHigh) continue;
      const marked = dots.marked?.(i) === true ? " marked" : "";
      elements.push(draw("circle", { cx: px(x), cy: py(y), r: 2.6, class: dots.look + marked }));
    }
  }
  for (const { xs, ys, look } of picture.lines) {
    let path = "";
    for (let i = 0; i < xs.length; i++) {
      const y = ys[i] as number;
      if (!Number.isFinite(y)) continue;
      const inside = Math.min(Math.max(y, yLow), yHigh);
      path += `${path === "" ? "M" : "L"}${px(xs[i] as number).toFixed(1)} ${py(inside).toFixed(1)}`;
    }
    elements.push(draw("path", { d: path, class: `line ${look}` }));
  }
  return elements;
}

/** From the least to the most, widened a little where it is not given. */
function rangeOf(
  all: readonly ArrayLike<number>[],
  given: readonly [number, number] | undefined,
  margin: number,
): readonly [number, number] {
  if (given !== undefined) return given;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const values of all) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) return [0, 1];
  if (high - low < 1e-9) return [low - 0.5, high + 0.5];
  return [low - margin * (high - low), high + margin * (high - low)];
}

/** Round numbers in a range, about `count` of them. */
function ticksOf(low: number, high: number, count: number): number[] {
  const raw = (high - low) / Math.max(2, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((each) => each * power >= raw) as number) * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    ticks.push(i === 0 ? 0 : i * step);
  }
  return ticks;
}

/** 1, 2 and 5 times the powers of ten in a range. */
function factorsOf(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) {
    ticks.push(...[1, 2, 5].map((each) => each * power).filter((y) => y >= low && y <= high));
  }
  return ticks;
}

/** The lines in words. */
function spokenOf({ lines }: Picture): string {
  const words = lines.map(({ label, ys }) => {
    const values = Array.from(ys).filter(Number.isFinite);
    if (values.length === 0) return `${label}: nothing yet`;
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return `${label}: from ${digits(values[0] as number)} to ${digits(values.at(-1) as number)}, between ${digits(least)} and ${digits(most)}`;
  });
  return words.join("; ");
}
