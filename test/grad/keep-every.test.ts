import { Graph } from "../../src/builder/graph.ts";
import {
  gather,
  loop,
  reduceMax,
  reduceSum,
  scan,
  sin,
  sizeOf,
  tanh,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { vjp } from "../../src/grad/index.ts";
import { type Build, expectClose, numbers, runBoth } from "./check.ts";

describe("keepEvery", () => {
  const inputs = [
    numbers([0.5, -1.5, 2, 1, 0.3, -0.2, 0.1, 0.9, 1.1, -0.8], [5, 2]),
    numbers([0.7, -0.4]),
  ];
  const builds: Record<string, Build> = {
    "a static count": (_, w) =>
      loop(7, [w], (i, s) => [tanh((s as Value).mul(w).add(i.cast(w.dtype)))])[0] as Value,
    "slices, and collected results": (x, w) => {
      const [last, all] = loop(sizeOf(x, 0), [w], (i, s) => {
        const next = tanh((s as Value).mul(gather(x, i)).add(gather(x, i)));
        return { state: [next], collect: [next.mul(w)] };
      }) as [Value, Value];
      return all.mul(x).add(last);
    },
    "an early end": (x, w) => {
      const [last, n, all] = loop(50, [w, x.graph.constant(0, "int64")], (_, s, n) => {
        const next = (s as Value).mul(1.7).add(sin(s as Value));
        const state = [next, (n as Value).add(1)];
        return { state, proceed: reduceMax(next.abs()).less(10), collect: [next.mul(w)] };
      }) as [Value, Value, Value];
      return last.mul(n.cast(x.dtype).sum()).add(reduceSum(all, { axes: 0 }));
    },
    "an end by a condition alone": (_, w) =>
      loop(undefined, [w], (_, s) => {
        const next = (s as Value).mul(1.7).add(sin(s as Value));
        return { state: [next], proceed: reduceMax(next.abs()).less(10) };
      })[0] as Value,
    "a scan": (x, w) => {
      const [last, all] = scan(
        [w],
        [x, sin(x)],
        ([s], [row, other]) => {
          const next = tanh((s as Value).mul(row as Value).add(other as Value));
          return { state: [next], collect: [next.mul(w)] };
        },
        { reverse: true },
      ) as [Value, Value];
      return all.mul(x).add(last);
    },
    "loops in loops": (x, w) =>
      loop(4, [w], (i, s) =>
        loop(i.add(2), [s as Value], (j, t) => [
          tanh(
            (t as Value)
              .mul(w)
              .add(gather(x, j))
              .add(s as Value),
          ),
        ]),
      )[0] as Value,
  };

  for (const [name, build] of Object.entries(builds)) {
    for (const known of [true, false]) {
      test(`${name}, ${known ? "known" : "unknown"} sizes`, async () => {
        const results: number[][][] = [];
        for (const keepEvery of [1, 2, 20]) {
          const g = new Graph("chunks");
          const xs = inputs.map(({ dims }, i) =>
            g.input(`x${i}`, "float64", known ? dims : dims.map(() => null)),
          );
          const first = vjp(build(...(xs as [Value, Value, Value])), xs, undefined, { keepEvery });
          const second = vjp(first.map(sin), xs, undefined, { keepEvery });
          const named = Object.fromEntries(
            [...first, ...second].map((value, i) => [`d${i}`, value] as const),
          );
          const found = await runBoth(g, named, inputs);
          results.push(Object.keys(named).map((key) => found[key]?.data as number[]));
        }
        for (const [i, result] of results.entries()) {
          expectClose(`choice ${i}`, result, results[0] as number[][], 1e-9);
        }
      }, 60_000);
    }
  }

  test("holds only so many states", () => {
    const g = new Graph("held");
    const x = g.input("x", "float64", [3]);
    const [y] = loop(100, [x], (_, s) => [tanh(s as Value)]) as [Value];
    const longest = (keepEvery: number) => {
      const before = g.root.nodes.length;
      vjp(y, [x], undefined, { keepEvery });
      const stacks = g.root.nodes.slice(before).flatMap(({ op, outputs }) => {
        return op === "Loop"
          ? outputs.filter(({ shape, dtype }) => shape?.length === 2 && dtype === "float64")
          : [];
      });
      return stacks.map(({ shape }) => shape?.[0]);
    };
    expect(longest(10)).toEqual([10]);
    expect(longest(33)).toEqual([4]);
    expect(longest(1)).toEqual([100]);
  });

  test("is a whole number from 1", () => {
    const g = new Graph("wrong");
    const x = g.input("x", "float64", []);
    expect(() => vjp(x, [x], undefined, { keepEvery: 0 })).toThrow(
      "vjp: keepEvery: expected a whole number from 1, got 0",
    );
    expect(() => vjp(x, [x], undefined, { keep: 2 } as never)).toThrow(/unknown option "keep"/);
  });
});
