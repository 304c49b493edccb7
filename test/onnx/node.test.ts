import { join } from "node:path";
import { casesInArchive, type NodeCase } from "./case.ts";
import { checkCase } from "./check.ts";

const cases = casesInArchive(join(import.meta.dirname, "node-tests.tar.gz"));
const byName = new Map<string, NodeCase>(cases.map((each) => [each.name, each]));

/** By the first word of their names, mostly an operator. */
const groups = new Map<string, NodeCase[]>();
for (const each of cases) {
  const word = each.name.split("_")[1] as string;
  groups.set(word, [...(groups.get(word) ?? []), each]);
}

/** Whose only float inputs are bounds that it rounds to whole places: the gradient is zero. */
const MEL = "test_melweightmatrix";

test("the archive is whole", () => {
  expect(cases).toHaveLength(1468);
});

test.each([...groups.keys()])(
  "%s: read, written back, run and differentiated as ONNX's tests have it",
  async (word) => {
    const failed: string[] = [];
    const inexact: string[] = [];
    for (const each of groups.get(word) as NodeCase[]) {
      const { name, status, why, gradient } = await checkCase(each, {
        places: 4,
        find: (other) => byName.get(other),
      });
      if (status === "failed") failed.push(`${name}: ${why}`);
      const single = /^float32: |against float32/.test(gradient);
      if (single && !gradient.includes("stored")) inexact.push(name);
    }
    expect(failed).toEqual([]);
    expect(inexact).toEqual(word === "melweightmatrix" ? [MEL] : []);
  },
);
