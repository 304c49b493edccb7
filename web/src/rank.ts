import type { Session } from "softonnx/web";
import { webStatus } from "softonnx/web";
import { byId, latest, make, report } from "./dom.ts";
import { FEATURES, type Movie, standardFeatures } from "./programs/movies.ts";
import { type Build, runtimeOf } from "./runtime.ts";
import { startPage } from "./shell.ts";
import { softnessSlider } from "./softness.ts";

startPage();
const error = byId("error", HTMLParagraphElement);
const body = byId("movies", HTMLTableSectionElement);
const note = byId("backend-says", HTMLParagraphElement);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const weights = FEATURES.map((name) => byId(`weight-${name}`, HTMLInputElement));

const movies: Movie[] = await (await fetch(new URL("../data/movies.json", import.meta.url))).json();
const features = standardFeatures(movies);
const rows = movies.map((movie) => {
  const rank = make("td", { class: "number rank" });
  const bar = make("span", { class: "bar" });
  const row = make(
    "tr",
    {},
    rank,
    make(
      "th",
      { scope: "row" },
      movie.title,
      make("span", { class: "year" }, ` ${movie.year}`),
      bar,
    ),
    make("td", { class: "number" }, movie.audience.toFixed(1)),
    make("td", { class: "number" }, `${movie.critics}`),
    make("td", { class: "number" }, `${Math.round(movie.gross)}`),
  );
  return { row, rank, bar };
});
body.append(...rows.map(({ row }) => row));

let session: { readonly build: Build; readonly session: Session } | undefined;

const draw = latest(
  async () => {
    error.hidden = true;
    const build = (document.querySelector("input[name=backend]:checked") as HTMLInputElement)
      .value as Build;
    if (session?.build !== build) {
      const { createSession } = await runtimeOf(build);
      const model = new URL("../models/soft-rank.onnx", import.meta.url);
      const made = await createSession(model, { backend: build });
      // The first run takes its time, and would be what is shown.
      await made.run({ x: [features.map(() => 0)], softness: 1 });
      await session?.session.dispose();
      session = { build, session: made };
    }
    const taste = weights.map((input) => Number(input.value));
    const scores = features.map((row) =>
      row.reduce((sum, x, k) => sum + x * (taste[k] as number), 0),
    );
    const started = performance.now();
    const { ranks } = await session.session.run({ x: [scores], softness: softness() });
    const took = performance.now() - started;
    show(ranks?.data as Float32Array);
    note.textContent = `${movies.length} soft ranks by ${build === "wasm" ? "WebAssembly" : "WebGPU"} in ${took.toFixed(1)} ms.`;
    document.body.dataset.ready = build;
  },
  (problem) => report(error, problem),
);

/** Reorders the rows by their ranks; each glides from where it was. */
function show(ranks: Float32Array): void {
  const before = rows.map(({ row }) => row.getBoundingClientRect().top);
  const order = [...rows.keys()].sort((a, b) => (ranks[a] as number) - (ranks[b] as number));
  for (const [i, { rank, bar, row }] of rows.entries()) {
    const value = ranks[i] as number;
    rank.textContent = value.toFixed(1);
    row.dataset.rank = String(value);
    bar.style.setProperty("--share", String(1 - (value - 1) / Math.max(1, rows.length - 1)));
  }
  const sorted = order.map((i) => (rows[i] as (typeof rows)[number]).row);
  if (sorted.some((row, i) => body.children[i] !== row)) body.append(...sorted);
  if (calm.matches) return;
  for (const [i, { row }] of rows.entries()) {
    const moved = (before[i] as number) - row.getBoundingClientRect().top;
    if (Math.abs(moved) < 1) continue;
    row.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], {
      duration: 320,
      easing: "cubic-bezier(.2,.8,.2,1)",
    });
  }
}

const softness = softnessSlider(
  byId("softness", HTMLInputElement),
  byId("softness-value", HTMLOutputElement),
  draw,
);
for (const input of weights) {
  const output = byId(`${input.id}-value`, HTMLOutputElement);
  const tell = () => {
    output.textContent = Number(input.value).toFixed(1).replace("-", "−");
  };
  tell();
  input.addEventListener("input", () => {
    tell();
    draw();
  });
}
for (const input of document.querySelectorAll("input[name=backend]")) {
  input.addEventListener("change", draw);
}
draw();

const { webgpu, missing } = await webStatus();
byId("backend-webgpu", HTMLInputElement).disabled = !webgpu;
if (!webgpu) byId("no-webgpu", HTMLParagraphElement).textContent = missing[0] ?? "";
