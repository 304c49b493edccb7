import type { Session } from "softonnx/web";
import { chartIn } from "./chart.ts";
import { byId, latest, report } from "./dom.ts";
import { curveGraph } from "./programs/curves.ts";
import { runtimeOf } from "./runtime.ts";
import { startPage } from "./shell.ts";
import { softnessSlider } from "./softness.ts";

const POINTS = [0.5, 0.2, 0.42, 0.66, 0.85];
const PLACES = Float32Array.from({ length: 241 }, (_, i) => i / 240);

startPage();
const error = byId("error", HTMLParagraphElement);
const chart = chartIn(byId("chart", HTMLDivElement), {
  label: "The rank of a point that moves past four others, hard and soft",
  height: 300,
  xName: "where the point is",
  yName: "its rank",
});
let session: Session | undefined;
const draw = latest(
  async () => {
    if (session === undefined) {
      const { createSession } = await runtimeOf("wasm");
      session = await createSession(curveGraph("rank", "softsort", "smooth"));
    }
    const moved = Float32Array.from(POINTS, (_, i) => Number(i === 0));
    const feeds = { points: POINTS, moved, place: PLACES, softness: softness() };
    const { value, hard } = await session.run(feeds);
    chart({
      lines: [
        { label: "hard rank", xs: PLACES, ys: hard?.data as Float32Array, look: "hard" },
        { label: "soft rank", xs: PLACES, ys: value?.data as Float32Array, look: "value" },
      ],
      yRange: [0.6, 5.4],
      xRange: [0, 1],
    });
    document.body.dataset.ready = "true";
  },
  (problem) => report(error, problem),
);
const softness = softnessSlider(
  byId("softness", HTMLInputElement),
  byId("softness-value", HTMLOutputElement),
  draw,
);
draw();
