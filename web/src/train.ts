import type { Graph, Value } from "softonnx/core";
import type { Session, Stepper } from "softonnx/web";
import { chartIn } from "./chart.ts";
import { byId, digits, download, make, report } from "./dom.ts";
import { FEATURES, type Movie, standardFeatures } from "./programs/movies.ts";
import { hiddenTaste, RANKER_STEPS, rankerGraph } from "./programs/ranker.ts";
import {
  type Car,
  REGRESSION_STEPS,
  type RegressionLoss,
  regressionGraph,
  regressionRate,
  spoil,
} from "./programs/regression.ts";
import { runtimeOf } from "./runtime.ts";
import { startPage } from "./shell.ts";
import { controlTraining } from "./training.ts";

const SEED = 7;

startPage();
const error = byId("error", HTMLParagraphElement);

async function read<Row>(name: string): Promise<Row[]> {
  const response = await fetch(new URL(`../data/${name}.json`, import.meta.url));
  return response.json();
}

try {
  const [cars, movies] = await Promise.all([read<Car>("cars"), read<Movie>("movies")]);
  startRegression(cars);
  startRanker(movies);
  document.body.dataset.ready = "true";
} catch (problem) {
  report(error, problem);
}

/** One of the two fits. */
interface Fit {
  readonly graph: Graph;
  readonly prediction: Value;
  readonly stepper: Stepper;
  readonly line: Session;
  readonly history: number[];
}

function startRegression(cars: readonly Car[]): void {
  const noted = spoil(cars, SEED);
  const weight = noted.map((car) => car.weight);
  const feeds = { weight, noted: noted.map((car) => car.noted) };
  const along = Float32Array.from({ length: 80 }, (_, i) => 1600 + i * 45);
  const fits = new Map<RegressionLoss, Fit>();
  const fitChart = chartIn(byId("regression-fit", HTMLDivElement), {
    label: "Fuel use by weight, with both fits",
    height: 320,
    xName: "weight, pounds",
    yName: "miles per gallon",
  });
  const lossChart = chartIn(byId("regression-loss", HTMLDivElement), {
    label: "Losses, each as a share of its first",
    height: 220,
    xName: "step",
    yName: "loss, relative",
  });

  const reset = async () => {
    const { createStepper, createSession } = await runtimeOf("wasm");
    for (const { stepper, line } of fits.values()) {
      await stepper.dispose();
      await line.dispose();
    }
    fits.clear();
    for (const name of ["squares", "median"] as const) {
      const { graph, prediction } = regressionGraph(name, cars);
      const stepper = await createStepper(graph);
      const line = await createSession(
        graph.toModel({ outputs: { prediction }, parameters: "inputs" }),
      );
      fits.set(name, { graph, prediction, stepper, line, history: [] });
    }
  };
  const lineOf = async (fit: Fit) => {
    const { w } = await fit.stepper.state();
    const { prediction } = await fit.line.run({ weight: along, w: w?.data as Float32Array });
    return prediction?.data as Float32Array;
  };
  const show = async () => {
    const [squares, median] = [fits.get("squares"), fits.get("median")];
    const lines =
      squares === undefined || median === undefined
        ? []
        : [
            { label: "least squares", xs: along, ys: await lineOf(squares), look: "other" },
            { label: "soft median", xs: along, ys: await lineOf(median), look: "value" },
          ];
    fitChart({
      lines,
      dots: {
        xs: weight,
        ys: feeds.noted,
        look: "dot",
        marked: (i) => (noted[i] as Car & { noted: number }).noted !== noted[i]?.mpg,
      },
      yRange: [7, 500],
      yLogarithmic: true,
    });
    lossChart({
      lines: [...fits].map(([name, { history }]) => ({
        label: name === "median" ? "soft median" : "least squares",
        xs: history.map((_, i) => i),
        ys: history.map((loss) => loss / (history[0] as number)),
        look: name === "median" ? "value" : "other",
      })),
      yRange: [0, 1.05],
      xRange: [0, REGRESSION_STEPS],
    });
  };
  controlTraining("regression", {
    steps: REGRESSION_STEPS,
    reset,
    show,
    step: async (i) => {
      for (const [name, { stepper, history }] of fits) {
        const { loss } = await stepper.step({ ...feeds, rate: regressionRate(name, i) });
        history.push(Number(loss?.data[0]));
      }
      document.body.dataset.regressionLoss = String(fits.get("median")?.history.at(-1));
    },
    download: async () => {
      const { graph, prediction, stepper } = fits.get("median") as Fit;
      download(
        "robust-regression.onnx",
        graph.toModel({ outputs: { prediction }, state: await stepper.state() }),
      );
    },
  });
  void show();
}

function startRanker(movies: readonly Movie[]): void {
  const features = standardFeatures(movies);
  const { taste, liking } = hiddenTaste(features, SEED);
  const table = byId("ranker-weights", HTMLTableSectionElement);
  const lossChart = chartIn(byId("ranker-loss", HTMLDivElement), {
    label: "One minus the rank correlation",
    height: 220,
    xName: "step",
    yName: "1 − rank correlation",
  });
  let learner: (ReturnType<typeof rankerGraph> & { readonly stepper: Stepper }) | undefined;
  let history: number[] = [];
  /** Only the direction of a taste shows in an order, not its length. */
  const direction = (w: ArrayLike<number>) => {
    const length = Math.hypot(...Array.from(w));
    return Array.from(w, (x) => x / length);
  };
  const show = async () => {
    const state = await learner?.stepper.state();
    const learned = state?.w === undefined ? undefined : direction(state.w.data as Float32Array);
    const hidden = direction(taste);
    table.replaceChildren(
      ...FEATURES.map((name, k) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, name),
          make("td", { class: "number" }, digits(hidden[k] as number)),
          make(
            "td",
            { class: "number" },
            learned === undefined ? "–" : digits(learned[k] as number),
          ),
        ),
      ),
    );
    lossChart({
      lines: [{ label: "loss", xs: history.map((_, i) => i), ys: history, look: "value" }],
      xRange: [0, RANKER_STEPS],
      yRange: [0, Math.max(1, ...history)],
    });
  };
  controlTraining("ranker", {
    steps: RANKER_STEPS,
    show,
    reset: async () => {
      const { createStepper } = await runtimeOf("wasm");
      await learner?.stepper.dispose();
      const program = rankerGraph();
      learner = { ...program, stepper: await createStepper(program.graph) };
      history = [];
    },
    step: async () => {
      const { loss } = (await learner?.stepper.step({ features, liking })) ?? {};
      history.push(Number(loss?.data[0]));
      document.body.dataset.rankerLoss = String(history.at(-1));
    },
    download: async () => {
      if (learner === undefined) return;
      const { graph, score, stepper } = learner;
      download(
        "soft-ranker.onnx",
        graph.toModel({ outputs: { score }, state: await stepper.state() }),
      );
    },
  });
  void show();
}
