import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { Graph, grad } from "../../src/index.ts";
import { createSession, createStepper } from "../../src/node.ts";
import { curveGraph } from "../../web/src/programs/curves.ts";
import { type Movie, standardFeatures } from "../../web/src/programs/movies.ts";
import { hiddenTaste, RANKER_STEPS, rankerGraph } from "../../web/src/programs/ranker.ts";
import {
  type Car,
  REGRESSION_STEPS,
  regressionGraph,
  regressionRate,
  spoil,
} from "../../web/src/programs/regression.ts";
import { inChromium, launch } from "../support/browser.ts";
import { listen } from "../support/page.ts";
import { type Site, startSite } from "./site.ts";

jest.setTimeout(180_000);

const require = createRequire(import.meta.url);
const MODELS = join(import.meta.dirname, "../../models");
const PAGES = ["index", "operators", "rank", "train", "open"] as const;
const SEED = 7;

/** Chromium says so of its own accord where a page asks for a graphics adapter and there is none. */
const NO_ADAPTER = /No available adapters/;

let site: Site;
let browser: Browser;

beforeAll(async () => {
  site = await startSite();
}, 60_000);

afterAll(async () => {
  await browser?.close();
  site.close();
});

/** Opens a page of the site; in the end it must have had nothing to complain of. */
async function onPage(
  name: (typeof PAGES)[number],
  body: (page: Page) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  browser ??= await launch();
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  try {
    const page = await context.newPage();
    const complaints = listen(page);
    await page.goto(`${site.address}${name}.html`);
    await page.waitForSelector("body[data-ready]");
    await body(page);
    expect(complaints.filter((each) => !NO_ADAPTER.test(each))).toEqual([]);
  } finally {
    await context.close();
  }
}

function data<Row>(name: string): Row[] {
  return JSON.parse(readFileSync(join(site.folder, `data/${name}.json`), "utf8"));
}

const numbersOf = (texts: readonly string[]) => texts.map((text) => Number(text));

function expectClose(
  found: readonly number[],
  expected: ArrayLike<number>,
  tolerance = 1e-5,
): void {
  expect(found).toHaveLength(expected.length);
  const allowed = tolerance * Math.max(1, ...Array.from(expected, Math.abs));
  const off = found.findIndex((x, i) => !(Math.abs(x - (expected[i] as number)) <= allowed));
  expect({ off, found: found[off] }).toEqual({ off: -1, found: undefined });
}

inChromium("axe finds no serious fault on a phone, and nothing is wider than it", async () => {
  const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
  for (const name of PAGES) {
    await onPage(
      name,
      async (page) => {
        if (name === "open") {
          await page.click("[data-model=soft-median]");
          await page.waitForSelector("body[data-opened='soft-median.onnx']");
        }
        await page.addScriptTag({ content: axe });
        for (const colorScheme of ["light", "dark"] as const) {
          await page.emulateMedia({ colorScheme });
          const faults = await page.evaluate(FAULTS);
          expect({ name, colorScheme, faults }).toEqual({ name, colorScheme, faults: [] });
        }
        const wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        expect({ name, wide }).toEqual({ name, wide: 0 });
      },
      { viewport: { width: 360, height: 740 }, bypassCSP: true },
    );
  }
});

/** What axe finds, by rule and place. */
const FAULTS = `axe.run().then(({ violations }) => violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html.slice(0, 120)).join(" ")))`;

inChromium("Operators: every operator is drawn, with the numbers of onnxruntime-node", async () => {
  await onPage("operators", async (page) => {
    await page.click("summary");
    const operators = await page.$$eval("#operator option", (all) => all.map((each) => each.value));
    expect(operators.length).toBeGreaterThan(10);
    for (const operator of operators) {
      await page.selectOption("#operator", operator);
      await page.waitForSelector(`body[data-ready^="${operator} "]`);
    }
    for (const [operator, method, mode] of [
      ["rank", "softsort", "smooth"],
      ["median", "neuralsort", "c1"],
      ["max", "ot", "c0"],
      ["abs", "ot", "c2"],
    ] as const) {
      await page.selectOption("#operator", operator);
      if (operator !== "abs") await page.selectOption("#method", method);
      await page.click(`label[for=mode-${mode}]`);
      await page.waitForSelector(`body[data-ready="${operator} ${method} ${mode}"]`);
      const rows = await page.$$eval("#curve tr", (all) =>
        all.map((row) => [...row.children].map((cell) => Number(cell.textContent))),
      );
      const column = (k: number) => rows.map((row) => row[k] as number);
      const softness = await softnessOn(page);
      const elementwise = operator === "abs";
      const session = await createSession(curveGraph(operator, method, mode), { backend: "cpu" });
      const points = await page.$$eval(".handle", (all) =>
        all.map((each) => Number(each.getAttribute("aria-valuenow"))),
      );
      const feeds = elementwise
        ? { x: column(0), softness }
        : { points, moved: points.map((_, i) => Number(i === 0)), place: column(0), softness };
      const { value, slope, hard } = await session.run(feeds);
      await session.dispose();
      expectClose(column(1), value?.data as Float32Array);
      expectClose(column(2), slope?.data as Float32Array);
      expectClose(column(3), hard?.data as Float32Array);
    }
  });
});

/** What the slider of softness stands for. */
function softnessOn(page: Page): Promise<number> {
  return page.$eval("#softness", ({ value, max, dataset }) => {
    const [least, most] = [Number(dataset.least), Number(dataset.most)];
    return least * (most / least) ** (Number(value) / Number(max));
  });
}

inChromium("Operators: points move by mouse and by keyboard, and the matrix follows", async () => {
  await onPage("operators", async (page) => {
    const before = await page.getAttribute(".matrix", "aria-label");
    const box = await page.locator(".handle").nth(1).boundingBox();
    if (box === null) throw new Error("there is no point to drag");
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 300, y, { steps: 5 });
    await page.mouse.up();
    const handle = page.locator(".handle").nth(1);
    expect(Number(await handle.getAttribute("aria-valuenow"))).toBeGreaterThan(0.3);
    await page.waitForSelector(`.matrix:not([aria-label="${before}"])`);
    await handle.press("Home");
    expect(await handle.getAttribute("aria-valuenow")).toBe("0.00");
    await handle.press("ArrowRight");
    expect(await handle.getAttribute("aria-valuenow")).toBe("0.01");
  });
});

inChromium(
  "Rank: the table is in the order of the model's ranks, which Node computes too",
  async () => {
    await onPage("rank", async (page) => {
      const features = standardFeatures(data<Movie>("movies"));
      const titles = data<Movie>("movies").map(({ title }) => title);
      await page.locator("#weight-gross").fill("2");
      await page.locator("#weight-critics").fill("-1");
      const scores = features.map(
        (row) => (row[0] as number) - (row[1] as number) + 2 * (row[2] as number),
      );
      const best = titles[scores.indexOf(Math.max(...scores))];
      await page.waitForSelector(`#movies tr:first-child:has-text("${best}")`);
      const rows = await page.$$eval("#movies tr", (all) =>
        all.map((row) => [row.querySelector("th")?.firstChild?.textContent, row.dataset.rank]),
      );
      const softness = await softnessOn(page);
      const session = await createSession(join(MODELS, "soft-rank.onnx"), { backend: "cpu" });
      const { ranks } = await session.run({ x: [scores], softness });
      await session.dispose();
      const expected = rows.map(
        ([title]) => ranks?.data[titles.indexOf(title as string)] as number,
      );
      expectClose(numbersOf(rows.map(([, rank]) => rank as string)), expected);
      expect([...expected].sort((a, b) => a - b)).toEqual(expected);
    });
  },
);

inChromium(
  "Train: pauses, resumes, ends where Node ends, and gives a model that runs",
  async () => {
    await onPage("train", async (page) => {
      await page.click("#regression-start");
      await page.waitForSelector("body[data-regression^=Step]");
      await page.click("#regression-start");
      await page.waitForSelector("body[data-regression^=Paused]");
      expect(await page.textContent("#regression-start")).toBe("Resume");
      await page.click("#regression-start");
      await page.click("#ranker-start");
      await page.waitForSelector("body[data-regression^=Done][data-ranker^=Done]", {
        timeout: 90_000,
      });

      const cars = spoil(data<Car>("cars"), SEED);
      const feeds = { weight: cars.map((car) => car.weight), noted: cars.map((car) => car.noted) };
      const { graph, prediction } = regressionGraph("median", cars);
      const stepper = await createStepper(graph, { backend: "cpu" });
      let loss = Number.NaN;
      for (let i = 0; i < REGRESSION_STEPS; i++) {
        const result = await stepper.step({ ...feeds, rate: regressionRate("median", i) });
        loss = Number(result.loss?.data[0]);
      }
      expectClose([Number(await page.getAttribute("body", "data-regression-loss"))], [loss]);

      const features = standardFeatures(data<Movie>("movies"));
      const { liking } = hiddenTaste(features, SEED);
      const ranker = await createStepper(rankerGraph().graph, { backend: "cpu" });
      for (let i = 0; i < RANKER_STEPS; i++) {
        loss = Number((await ranker.step({ features, liking })).loss?.data[0]);
      }
      expectClose([Number(await page.getAttribute("body", "data-ranker-loss"))], [loss]);

      const model = graph.toModel({ outputs: { prediction }, state: await stepper.state() });
      const found = await downloaded(page, "#regression-save");
      expect(found.name).toBe("robust-regression.onnx");
      const weight = [2000, 3000, 4000];
      const [mine, theirs] = await Promise.all(
        [model, found.bytes].map(async (bytes) => {
          const session = await createSession(bytes, { backend: "cpu" });
          const result = await session.run({ weight });
          await session.dispose();
          return Array.from(result.prediction?.data as Float32Array);
        }),
      );
      expectClose(theirs as number[], mine as number[], 1e-4);
      expect((await downloaded(page, "#ranker-save")).bytes.length).toBeGreaterThan(100);
      await Promise.all([stepper.dispose(), ranker.dispose()]);

      await page.click("#ranker-again");
      await page.waitForSelector("body[data-ranker^=Not]");
      expect(await page.textContent("#ranker-start")).toBe("Train");
    });
  },
);

async function downloaded(page: Page, button: string) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
  return {
    name: download.suggestedFilename(),
    bytes: new Uint8Array(readFileSync(await download.path())),
  };
}

inChromium("Open: says what is wrong with a damaged or hostile file, and goes on", async () => {
  await onPage("open", async (page) => {
    const whole = readFileSync(join(MODELS, "ndcg-loss.onnx"));
    const give = async (name: string, buffer: Buffer) => {
      await page.setInputFiles("#file", { name, mimeType: "application/octet-stream", buffer });
      await page.waitForSelector("body[data-opened]:not([data-opened=''])");
    };
    // A graph (field 7) in a model that says it is 2 GB long; nodes within nodes; text.
    const bad: Readonly<Record<string, Buffer>> = {
      "empty.onnx": Buffer.alloc(0),
      "text.onnx": Buffer.from("this is no model"),
      "truncated.onnx": whole.subarray(0, whole.length / 2),
      "long.onnx": Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x07]),
      "noise.onnx": Buffer.from(
        Array.from({ length: 5000 }, (_, i) => (i * 7919 + (i >> 3)) & 255),
      ),
      "deep.onnx": nested(400),
    };
    for (const [name, bytes] of Object.entries(bad)) {
      await give(name, bytes);
      expect(await page.getAttribute("body", "data-opened")).toBe("error");
      expect(await page.textContent("#error")).toContain(`${name} cannot be opened: `);
      expect(await page.isVisible("#error")).toBe(true);
    }

    await give("hostile names.onnx", Buffer.from(hostileNames()));
    expect(await page.getAttribute("body", "data-opened")).toBe("hostile names.onnx");
    expect(await page.isVisible("#error")).toBe(false);
    await page.waitForSelector("#picture svg");
    expect(await page.locator("#picture script, #picture a, #picture image").count()).toBe(0);

    await give("ndcg-loss.onnx", whole);
    await page.waitForSelector("#picture svg");
    await page.selectOption("#of-output", "loss");
    await page.click("#derive");
    await page.waitForSelector("body[data-derived='ndcg-loss.onnx']");
    const { name, bytes } = await downloaded(page, "#save");
    expect(name).toBe("ndcg-loss.gradients.onnx");

    // The model has a gradient of its own, of the same loss by the same scores.
    const session = await createSession(bytes, { backend: "cpu" });
    const feeds = { scores: [[0.2, 1.4, -0.3]], relevance: [[3, 0, 1]], softness: 0.2 };
    const results = await session.run(feeds);
    await session.dispose();
    const own = results.gradient?.data as Float32Array;
    expectClose(Array.from(results.d_loss_d_scores?.data as Float32Array), own);
    expect(Array.from(own).some((x) => Math.abs(x) > 1e-3)).toBe(true);
  });
});

/** A graph attribute within a graph attribute, and so on: model.graph.node.attribute.g ... */
function nested(depth: number): Buffer {
  let inner = Buffer.alloc(0);
  const wrap = (field: number, content: Buffer) => {
    const length: number[] = [];
    let rest = content.length;
    do {
      length.push((rest & 127) | (rest > 127 ? 128 : 0));
      rest >>>= 7;
    } while (rest > 0);
    return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), content]);
  };
  for (let i = 0; i < depth; i++) inner = wrap(1, wrap(5, wrap(6, inner)));
  return wrap(7, inner);
}

/** A model whose names would be markup, were they taken for it. */
function hostileNames(): Uint8Array {
  const g = new Graph("<script>alert(1)</script>");
  const x = g.input('"];x[label="<script>', "float32", ["</text><image href=x>", 2]);
  const [dx] = grad(x.mul(x).sum(), [x]) as [typeof x];
  return g.output("\\N\n&lt;\u0007", dx).toModel();
}
