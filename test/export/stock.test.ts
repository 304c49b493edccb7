import { OrtProcess } from "../support/ort-process.ts";
import { spread } from "./spread.ts";

describe("models in stock onnxruntime-node", () => {
  let ort: OrtProcess;
  beforeAll(() => {
    ort = new OrtProcess("cpu");
  });
  afterAll(() => ort.close());

  test.each(["disabled", "all"] as const)(
    "every soft operator, training and inference, loads at level %s without a word",
    async (level) => {
      const failures: string[] = [];
      for (const { name, model } of spread()) {
        const before = ort.stderr.length;
        await ort.run({ model, level }).catch((error) => failures.push(`${name}: ${error}`));
        const said = ort.stderr.slice(before);
        if (said !== "") failures.push(`${name} warns: ${said}`);
      }
      expect(failures).toEqual([]);
    },
    120_000,
  );
});
