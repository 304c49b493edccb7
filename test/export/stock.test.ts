import { complaints } from "../support/silent.ts";
import { spread } from "./spread.ts";

test("every soft operator, in training and in inference, loads in stock onnxruntime-node without a word", () => {
  const models = Object.fromEntries([...spread()].map(({ name, model }) => [name, model]));
  const heard = Object.entries(complaints(models)).filter(([, words]) => words !== "");
  expect(Object.keys(models).length).toBeGreaterThan(400);
  expect(heard).toEqual([]);
}, 300_000);
