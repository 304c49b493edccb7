import { Graph, grad, soft, st, type Value } from "softonnx";
import { complaints } from "../support/silent.ts";

type Build = (x: Value) => Readonly<Record<string, Value>>;

/** The operators of an exported model, in order. */
function exported(build: Build, shape: readonly (number | string)[] = [20]): string[] {
  return Graph.fromModel(modelOf(build, shape)).root.nodes.map(({ op }) => op);
}

function modelOf(build: Build, shape: readonly (number | string)[]): Uint8Array {
  const g = new Graph("small");
  for (const [name, y] of Object.entries(build(g.input("x", "float32", shape)))) g.output(name, y);
  return g.toModel();
}

const kinds = (["smooth", "c0", "c1", "c2"] as const).flatMap((mode) =>
  (["softsort", "neuralsort"] as const).map((method) => ({ mode, method })),
);

test.each(kinds)("$method in mode $mode: sort and argsort export one projection", (kind) => {
  for (const shape of [[20], ["n", 7]]) {
    const sort = exported((x) => ({ sort: soft.sort(x, kind) }), shape);
    const both = exported(
      (x) => ({ sort: soft.sort(x, kind), argsort: soft.argsort(x, kind) }),
      shape,
    );
    expect(both).toEqual(sort);
    const values = exported((x) => ({ values: soft.topk(x, 3, kind).values }), shape);
    const topk = exported((x) => ({ ...soft.topk(x, 3, kind) }), shape);
    expect(topk).toEqual(values);
  }
});

test("long rows share too, though their constants do not", () => {
  const sort = exported((x) => ({ sort: soft.sort(x) }), [500]);
  expect(exported((x) => ({ sort: soft.sort(x), argsort: soft.argsort(x) }), [500])).toEqual(sort);
});

test("max and min share the scale", () => {
  const ops = exported((x) => ({ max: soft.max(x), min: soft.min(x) }));
  expect(ops.filter((op) => op === "Standardize_float32")).toHaveLength(1);
});

/** How many nodes small examples may have: a change that needs more should be worth it. */
const ceilings: readonly (readonly [name: string, nodes: number, build: Build])[] = [
  ["abs", 3, (x) => ({ y: soft.abs(x) })],
  ["sigmoidal, c0", 3, (x) => ({ y: soft.sigmoidal(x, { mode: "c0" }) })],
  ["greater", 4, (x) => ({ y: soft.greater(x, 1) })],
  ["round", 11, (x) => ({ y: soft.round(x) })],
  ["logicalAnd", 1, (x) => ({ y: soft.logicalAnd(x, 0.5) })],
  ["argmax", 13, (x) => ({ y: soft.argmax(x) })],
  ["max", 15, (x) => ({ y: soft.max(x) })],
  ["max, not standardised", 4, (x) => ({ y: soft.max(x, { standardize: false }) })],
  ["sort by softsort", 20, (x) => ({ y: soft.sort(x, { method: "softsort" }) })],
  ["sort by neuralsort", 25, (x) => ({ y: soft.sort(x) })],
  ["sort by neuralsort, c1", 40, (x) => ({ y: soft.sort(x, { mode: "c1" }) })],
  ["rank", 26, (x) => ({ y: soft.rank(x) })],
  ["three quantiles", 29, (x) => ({ y: soft.quantile(x, [0.25, 0.5, 0.75]) })],
  [
    "median and its gradient",
    90,
    (x) => {
      const y = soft.median(x);
      return { y, dx: grad(y, [x])[0] as Value };
    },
  ],
];

test.each(ceilings)("%s has at most %d nodes", (_, most, build) => {
  expect(exported(build).length).toBeLessThanOrEqual(most);
});

test("names say the operator and the step", () => {
  const g = new Graph("names");
  g.output("y", soft.median(soft.abs(g.input("x", "float32", [20]))));
  const names = Graph.fromModel(g.toModel()).root.nodes.map(
    ({ source }) => source?.message.name ?? "",
  );
  expect(names[0]).toMatch(/^abs_0\//);
  expect(names).toContainEqual(expect.stringMatching(/^median_0\/standardize\//));
});

test("models of soft operators load silently in a stock runtime", () => {
  const models: Record<string, Uint8Array> = {};
  for (const { mode, method } of kinds) {
    const build: Build = (x) => {
      const y = soft
        .sort(x, { mode, method })
        .add(st.rank(x, { mode, method, dim: -1 }))
        .add(soft.median(x, { mode, method, dim: -1, keepdim: true }));
      return { y, dx: grad(y.mul(y).sum(), [x])[0] as Value };
    };
    models[`${mode} ${method}`] = modelOf(build, [3, 5]);
    models[`${mode} ${method} named`] = modelOf(build, ["batch", "n"]);
  }
  expect(complaints(models)).toEqual(
    Object.fromEntries(Object.keys(models).map((name) => [name, ""])),
  );
}, 60_000);
