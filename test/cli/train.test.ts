import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createSession } from "softonnx/node";
import { program, softonnx, testFolder } from "./support.ts";

const path = testFolder();

/** A table in which y = 3 x + 2 for a, and 20 less for b. */
function writeTable(file: string): void {
  const rows = Array.from({ length: 40 }, (_, i) => {
    const kind = i % 3 === 0 ? "b" : "a";
    return `${i / 4},${kind},${(3 * i) / 4 + 2 - (kind === "b" ? 20 : 0)},"row ${i}"`;
  });
  writeFileSync(file, ["x,kind,y,name", ...rows].join("\n"));
}

const RECIPE = {
  inputs: ["x", { column: "kind", categories: ["a", "b"] }],
  target: "y",
  loss: "mse",
  optimizer: { name: "adam", rate: 0.1 },
  epochs: 60,
  batchSize: 8,
  validation: 0.2,
  seed: 3,
};

function writeRecipe(file: string, more: object = {}): void {
  writeFileSync(file, JSON.stringify({ ...RECIPE, ...more }));
}

test("trains a model that takes the columns of the table", async () => {
  writeTable(path("table.csv"));
  writeRecipe(path("recipe.json"));
  const { status, err } = await softonnx(
    ...["train", path("recipe.json"), path("table.csv"), "-o", path("line.onnx")],
    ...["--log", path("line.csv")],
  );
  expect(status).toBe(0);
  expect(err).toMatch(/^epoch 60 of 60: loss [\d.e-]+, mae [\d.e-]+; held back: loss /m);
  expect(err).toMatch(/wrote .*line\.onnx$/);
  const session = await createSession(path("line.onnx"), { backend: "cpu" });
  const { prediction } = await session.run({ x: [4, 4], kind: ["a", "b"] });
  await session.dispose();
  expect(prediction?.data[0]).toBeCloseTo(14, 1);
  expect(prediction?.data[1]).toBeCloseTo(-6, 1);
  const [heading, ...rows] = readFileSync(path("line.csv"), "utf8").trim().split("\n");
  expect(heading).toBe("epoch,step,loss,mae,val_loss,val_mae,seconds");
  expect(rows).toHaveLength(60);
});

test("its log is drawn as curves", () => {
  const rows = Array.from({ length: 5 }, (_, i) => `${i + 1},${1 / (i + 1)},${2 / (i + 1)}`);
  writeFileSync(path("curves.csv"), ["epoch,loss,val_loss", ...rows].join("\n"));
  expect(program("plot", path("curves.csv"))).toMatchObject({ status: 0 });
  const svg = readFileSync(path("curves.svg"), "utf8");
  expect(svg).toMatch(/^<svg/);
  expect(svg).toContain(">val_loss</text>");
});

test("reads classes, and names the likeliest", async () => {
  writeTable(path("table.csv"));
  writeRecipe(path("classes.json"), {
    inputs: ["x", "y"],
    target: { column: "kind", categories: ["a", "b"] },
    loss: "crossEntropy",
    network: [{ dense: 8 }],
  });
  await softonnx("train", path("classes.json"), path("table.csv"), "-o", path("classes.onnx"));
  const session = await createSession(path("classes.onnx"), { backend: "cpu" });
  const { label } = await session.run({ x: [4, 4], y: [14, -6] });
  await session.dispose();
  expect(label?.data).toEqual(["a", "b"]);
});

test("goes on from a checkpoint to the same numbers, and keeps the log whole", async () => {
  writeTable(path("table.csv"));
  const train = async (name: string, epochs: number, recipe: string) => {
    writeRecipe(path(recipe), { epochs });
    const words = ["train", path(recipe), path("table.csv"), "-o", path(`${name}.onnx`)];
    const files = ["--log", path(`${name}.csv`), "--checkpoint", path(`${name}.safetensors`)];
    expect((await softonnx(...words, ...files)).status).toBe(0);
  };
  await train("whole", 6, "six.json");
  await train("parts", 3, "three.json");
  await train("parts", 6, "six.json");
  const column = (name: string) =>
    readFileSync(path(`${name}.csv`), "utf8")
      .trim()
      .split("\n")
      .map((row) => row.split(",").slice(0, -1).join(","));
  expect(column("parts")).toEqual(column("whole"));
  expect(readFileSync(path("parts.onnx"))).toEqual(readFileSync(path("whole.onnx")));
});

describe("says what is wrong and writes nothing", () => {
  test.each<[string, object, string, RegExp]>([
    ["a column that is not there", { inputs: ["z"] }, "x,y\n1,2", /there is no column "z"/],
    [
      "a cell that is no number",
      {},
      "x,kind,y\n1,a,two",
      /line 2: "y" is "two", expected a number/,
    ],
    ["an unknown category", {}, "x,kind,y\n1,c,2", /line 2: "kind" is "c", expected one of a, b/],
    ["a column of one number", {}, "x,kind,y\n1,a,2\n1,b,3", /the column "x" is 1 in every row/],
    [
      "an option that the loss lacks",
      { loss: { name: "mse", delta: 1 } },
      "x,kind,y\n1,a,2\n2,b,3",
      /mse: unknown option "delta"/,
    ],
    [
      "a mistake in the recipe",
      { losss: 1 },
      "x,kind,y\n1,a,2",
      /bad\.json: losss is unknown; did you mean "loss"/,
    ],
  ])("%s", async (_, more, table, message) => {
    writeRecipe(path("bad.json"), more);
    writeFileSync(path("bad.csv"), table);
    const { status, err } = await softonnx(
      ...["train", path("bad.json"), path("bad.csv"), "-o", path("bad.onnx")],
    );
    expect(err).toMatch(message);
    expect(status).toBe(1);
    expect(existsSync(path("bad.onnx"))).toBe(false);
  });

  test("a loss that is no longer finite stops training and says where", async () => {
    writeTable(path("table.csv"));
    writeRecipe(path("wild.json"), { optimizer: { name: "sgd", rate: 1e30 } });
    const { status, err } = await softonnx(
      ...["train", path("wild.json"), path("table.csv"), "-o", path("wild.onnx")],
    );
    expect(status).toBe(1);
    expect(err).toMatch(/step \d+/);
    expect(existsSync(path("wild.onnx"))).toBe(false);
  });
});
