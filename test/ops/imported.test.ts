import { evaluate } from "softonnx/node";
import { Graph } from "../../src/builder/graph.ts";
import { vjp } from "../../src/grad/index.ts";
import { soft } from "../../src/index.ts";

const methods = [
  "softsort",
  "neuralsort",
  "fastSoftSort",
  "smoothSort",
  "ot",
  "sortingNetwork",
] as const;
const x = [0.3, -1.2, 0.9, 0.1, -0.4];
const weights = [1, -2, 0.5, 3, -1];

async function derivatives(g: Graph) {
  const input = g.value("x");
  const [first] = vjp(g.value("y").mul(weights), [input]);
  const [second] = vjp(first.mul(first), [input]);
  const found = await evaluate({ first, second }, { x });
  return [...Array.from(found.first.data as Float64Array), ...(found.second.data as Float64Array)];
}

describe("a model without gradients has them when it is read", () => {
  const operators = { sort: soft.sort, rank: soft.rank };
  const rows = Object.entries(operators).flatMap(([name, operator]) =>
    methods.flatMap((method) => {
      // Ranks by permutation alone.
      return name === "rank" && method === "sortingNetwork"
        ? []
        : [[name, method, operator] as const];
    }),
  );
  test.each(rows)("%s by %s", async (_, method, operator) => {
    const g = new Graph("written");
    const input = g.input("x", "float64", [5]);
    g.output("y", operator(input, { method: method as "softsort" }));
    const read = Graph.fromModel(g.toModel({ outputs: { y: g.value("y") } }));
    const [expected, found] = [await derivatives(g), await derivatives(read)];
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i] as number, 9);
  });
});
