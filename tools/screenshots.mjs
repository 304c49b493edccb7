// Pictures of the demo site for the README: docs/site-*.png.
//
//   npm run screenshots
import { copyFileSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { buildSite } from "../web/build.mjs";
import { serveFolder } from "../web/server.mjs";

const DOCS = join(dirname(dirname(fileURLToPath(import.meta.url))), "docs");
const MOST_BYTES = 300_000;
const DESK = { width: 1180, height: 860 };
const PHONE = { width: 390, height: 780 };

/** What is shown of each page, and how. `prepare` brings it to the state in the picture. */
const PICTURES = {
  "site-operators": {
    page: "operators",
    colorScheme: "light",
    viewport: { ...DESK, height: 1180 },
  },
  "site-train": {
    page: "train",
    colorScheme: "dark",
    viewport: { ...DESK, height: 1000 },
    async prepare(page) {
      await page.click("#regression-start");
      await page.waitForSelector("body[data-regression^=Done]", { timeout: 120_000 });
    },
  },
  "site-rank-phone": {
    page: "rank",
    colorScheme: "light",
    viewport: PHONE,
    scale: 1.5,
    async prepare(page) {
      await page.evaluate(() => document.querySelector("#weight-gross").scrollIntoView());
    },
  },
  "site-open-phone": {
    page: "open",
    colorScheme: "dark",
    viewport: PHONE,
    scale: 1.5,
    async prepare(page) {
      await page.click("[data-model=soft-median]");
      await page.waitForSelector("#picture svg");
      await page.evaluate(() => document.querySelector("#derive").scrollIntoView());
    },
  },
};

const folder = mkdtempSync(join(tmpdir(), "softonnx-screenshots-"));
await buildSite(join(folder, "site"));
const server = await serveFolder(join(folder, "site"), 0);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run"],
});
try {
  for (const [name, { page: file, colorScheme, viewport, scale = 1, prepare }] of Object.entries(
    PICTURES,
  )) {
    const context = await browser.newContext({
      colorScheme,
      viewport,
      deviceScaleFactor: scale,
      reducedMotion: "reduce",
    });
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/${file}.html`);
    await page.waitForSelector("body[data-ready]");
    await prepare?.(page);
    const path = join(folder, `${name}.png`);
    await page.screenshot({ path, animations: "disabled" });
    const { size } = statSync(path);
    if (size > MOST_BYTES) throw new Error(`${name}.png has ${size} bytes`);
    copyFileSync(path, join(DOCS, `${name}.png`));
    console.log(`docs/${name}.png: ${Math.round(size / 1024)} KB`);
    await context.close();
  }
} finally {
  await browser.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
}
