import type { Method, Mode } from "softonnx/core";
import type { Session } from "softonnx/web";
import { chartIn } from "./chart.ts";
import { byId, digits, latest, make, report } from "./dom.ts";
import { matrixIn } from "./matrix.ts";
import { pointsIn } from "./points.ts";
import { curveGraph, METHODS, MODES, OPERATORS, orderGraph } from "./programs/curves.ts";
import { runtimeOf } from "./runtime.ts";
import { startPage } from "./shell.ts";
import { softnessSlider } from "./softness.ts";

const START = [0.46, 0.12, 0.3, 0.58, 0.71, 0.93];
// Between the places where points begin: at a tie a gradient is that of neither side.
const PLACES = Float32Array.from({ length: 241 }, (_, i) => (i + 0.4) / 241);
const LINE = Float32Array.from({ length: 301 }, (_, i) => (i - 150) / 50);
/** Sessions kept: one of each kind for what is shown. */
const KEPT = 8;

startPage();
const operatorBox = byId("operator", HTMLSelectElement);
const methodBox = byId("method", HTMLSelectElement);
const modeBox = byId("modes", HTMLFieldSetElement);
const error = byId("error", HTMLParagraphElement);
const says = byId("says", HTMLParagraphElement);
const modeSays = byId("mode-says", HTMLParagraphElement);
const orderPart = byId("order", HTMLElement);
const orderMore = byId("order-more", HTMLDivElement);
const methodPart = byId("method-part", HTMLDivElement);
const noMatrix = byId("no-matrix", HTMLParagraphElement);
const matrixPlace = byId("matrix", HTMLDivElement);
const results = byId("results", HTMLTableSectionElement);
const sortedSays = byId("sorted", HTMLParagraphElement);
const numbersPart = byId("numbers", HTMLDetailsElement);
const curveRows = byId("curve", HTMLTableSectionElement);

for (const [kind, title] of [
  ["order", "Of a row of points"],
  ["elementwise", "Of one number"],
] as const) {
  const names = Object.entries(OPERATORS).filter(([, operator]) => operator.kind === kind);
  const group = make("optgroup", { label: title });
  group.append(...names.map(([name, { label }]) => make("option", { value: name }, label)));
  operatorBox.append(group);
}
for (const [name, label] of Object.entries(METHODS)) {
  methodBox.append(make("option", { value: name }, label));
}
for (const name of Object.keys(MODES)) {
  const input = make("input", { type: "radio", name: "mode", value: name, id: `mode-${name}` });
  input.checked = name === "smooth";
  modeBox.append(input, make("label", { for: `mode-${name}` }, name));
}

const valueChart = chartIn(byId("value-chart", HTMLDivElement), {
  label: "Value",
  height: 260,
  xName: "x",
  yName: "value",
});
const slopeChart = chartIn(byId("slope-chart", HTMLDivElement), {
  label: "Gradient",
  height: 260,
  xName: "x",
  yName: "gradient",
});

const sessions = new Map<string, Promise<Session>>();

function sessionFor(key: string, build: () => Parameters<CreateSession>[0]): Promise<Session> {
  const session =
    sessions.get(key) ?? runtimeOf("wasm").then(({ createSession }) => createSession(build()));
  sessions.delete(key);
  sessions.set(key, session);
  session.catch(() => sessions.delete(key));
  const [oldest] = sessions.keys();
  if (sessions.size > KEPT && oldest !== undefined) {
    const old = sessions.get(oldest);
    sessions.delete(oldest);
    // What is shown may still be running on it: it waits for its turn.
    void old?.then((each) => each.dispose());
  }
  return session;
}
type CreateSession = Awaited<ReturnType<typeof runtimeOf>>["createSession"];

const draw = latest(
  async () => {
    error.hidden = true;
    const name = operatorBox.value;
    const operator = OPERATORS[name];
    if (operator === undefined) return;
    const method = methodBox.value as Method;
    for (const input of modeBox.querySelectorAll("input")) {
      input.disabled =
        method === "smoothSort" && operator.kind === "order" && input.value !== "smooth";
      if (input.disabled && input.checked) byId("mode-smooth", HTMLInputElement).checked = true;
    }
    const mode = (modeBox.querySelector("input:checked") as HTMLInputElement).value as Exclude<
      Mode,
      "hard"
    >;
    says.textContent = operator.says;
    modeSays.textContent = MODES[mode];
    const ordered = operator.kind === "order";
    orderPart.hidden = !ordered;
    orderMore.hidden = !ordered;
    methodPart.hidden = !ordered;
    const curve = await sessionFor(`${name} ${ordered ? method : ""} ${mode}`, () =>
      curveGraph(name, method, mode),
    );
    const { positions, chosen } = line;
    const moved = Float32Array.from(positions, (_, i) => Number(i === chosen()));
    const feeds = ordered
      ? { points: positions, moved, place: PLACES, softness: softness() }
      : { x: LINE, softness: softness() };
    const { value, slope, hard } = await curve.run(feeds);
    const xs = ordered ? PLACES : LINE;
    const xRange = ordered ? ([0, 1] as const) : ([-3, 3] as const);
    const mark = ordered ? { mark: positions[chosen()] as number } : {};
    const numbers = (tensor: typeof value) => tensor?.data as Float32Array;
    valueChart({
      lines: [
        { label: `hard ${operator.label}`, xs, ys: numbers(hard), look: "hard" },
        { label: `soft ${operator.label}`, xs, ys: numbers(value), look: "value" },
      ],
      xRange,
      ...mark,
    });
    slopeChart({
      lines: [{ label: "gradient", xs, ys: numbers(slope), look: "slope" }],
      xRange,
      ...mark,
    });
    if (numbersPart.open) {
      const columns = [xs, numbers(value), numbers(slope), numbers(hard)];
      curveRows.replaceChildren(
        ...Array.from(xs, (_, i) =>
          make("tr", {}, ...columns.map((column) => make("td", {}, `${column[i]}`))),
        ),
      );
    }
    if (ordered) await drawOrder(method, mode);
    document.body.dataset.ready = `${name} ${method} ${mode}`;
  },
  (problem) => report(error, problem),
);

async function drawOrder(method: Method, mode: Mode): Promise<void> {
  const session = await sessionFor(`order ${method} ${mode}`, () => orderGraph(method, mode));
  const { positions } = line;
  const { sorted, ranks, permutation } = await session.run({
    points: positions,
    softness: softness(),
  });
  const values = Array.from(sorted?.data as Float32Array, (x) => x.toFixed(3));
  sortedSays.textContent = `Softly sorted: ${values.join(", ")}.`;
  noMatrix.hidden = permutation !== undefined;
  matrixPlace.hidden = permutation === undefined;
  if (permutation !== undefined) drawMatrix(permutation.data as Float32Array);
  const hardOrder = positions.map((x) => 1 + positions.filter((other) => other > x).length);
  results.replaceChildren(
    ...positions.map((x, i) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, String.fromCharCode(97 + i)),
        make("td", {}, digits(Number(x.toFixed(2)))),
        make("td", {}, `${hardOrder[i]}`),
        make("td", {}, Number(ranks?.data[i]).toFixed(2)),
      ),
    ),
  );
}

const drawMatrix = matrixIn(matrixPlace, START.length);
const line = pointsIn(byId("points", HTMLDivElement), START, draw);
const softness = softnessSlider(
  byId("softness", HTMLInputElement),
  byId("softness-value", HTMLOutputElement),
  draw,
);
numbersPart.addEventListener("toggle", draw);
for (const control of [operatorBox, methodBox, modeBox]) control.addEventListener("change", draw);
draw();
