import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type GraphProto, ModelProtoSchema, TensorProtoSchema } from "onnx-buf";
import { Graph } from "../../src/builder/graph.ts";
import {
  cos,
  equal,
  gather,
  identity,
  ifElse,
  loop,
  matmul,
  reduceMax,
  reduceSum,
  reshape,
  scan,
  shape,
  sin,
  sizeOf,
  squeeze,
  tanh,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { vjp } from "../../src/grad/index.ts";
import { type Build, checkGradient, expectClose, gradientAt, numbers, runBoth } from "./check.ts";

/** Checks that two builds have the same values, and the same first and second derivatives. */
async function expectSame(
  one: Build,
  other: Build,
  shapes: readonly (readonly number[])[],
): Promise<void> {
  const inputs = shapes.map((dims, i) => {
    const size = dims.reduce((product, dim) => product * dim, 1);
    return numbers(
      Array.from({ length: size }, (_, j) => Math.sin(3 * i + j + 1)),
      dims,
    );
  });
  const derivatives = async (build: Build) => {
    const g = new Graph("same");
    const xs = inputs.map(({ dims }, i) => g.input(`x${i}`, "float64", dims));
    const y = build(...(xs as unknown as Parameters<Build>));
    const first = vjp(y, xs);
    const second = vjp(first.map(sin), xs);
    const named = Object.fromEntries(
      [y, ...first, ...second].map((value, i) => [`v${i}`, value] as const),
    );
    const found = await runBoth(g, named, inputs);
    return Object.keys(named).map((name) => found[name]?.data as number[]);
  };
  expectClose("values and derivatives", await derivatives(one), await derivatives(other), 1e-9);
}

describe("loop", () => {
  test("a static count: the state, a captured value, and the round's number", async () => {
    const body = (i: Value, s: Value, w: Value) =>
      tanh(s.mul(w)).add(s.mul(0.5)).add(i.cast(s.dtype).mul(0.1));
    const build: Build = (x, w) => loop(4, [x], (i, s) => [body(i, s as Value, w)])[0] as Value;
    await checkGradient(build, [[3], [3]]);
    await expectSame(
      build,
      (x, w) => {
        let s = x;
        for (let i = 0; i < 4; i++) s = body(x.graph.constant(i, "int64"), s, w);
        return s;
      },
      [[3], [3]],
    );
  });

  test("collected results, read one by one by a second loop", async () => {
    const build: Build = (x, w) => {
      const [, all] = loop(3, [x], (_, s) => {
        const next = sin((s as Value).mul(w));
        return { state: [next], collect: [next.mul(s as Value)] };
      }) as [Value, Value];
      return loop(3, [x], (i, s) => [(s as Value).mul(gather(all, i)).add(w)])[0] as Value;
    };
    await checkGradient(build, [[2], [2]]);
  });

  test("a count that only a run knows, and slices by its number", async () => {
    const build: Build = (x, w) => {
      const [last, all] = loop(sizeOf(x, 0), [w], (i, s) => {
        const next = tanh((s as Value).mul(gather(x, i)));
        return { state: [next], collect: [next.add(w)] };
      }) as [Value, Value];
      return reduceSum(all, { axes: 0 }).mul(last);
    };
    await checkGradient(build, [[4, 2], [2]]);
  });

  test("an early end", async () => {
    const build: Build = (x) =>
      loop(50, [x], (_, s) => {
        const next = (s as Value).mul(1.7).add(sin(s as Value));
        return { state: [next], proceed: reduceMax(next.abs()).less(10) };
      })[0] as Value;
    await checkGradient(build, [[3]]);
    await checkGradient(
      (x) =>
        loop(undefined, [x], (_, s) => {
          const next = (s as Value).mul(1.7).add(sin(s as Value));
          return {
            state: [next],
            proceed: reduceMax(next.abs()).less(10),
            collect: [next.mul(next)],
          };
        })[1] as Value,
      [[3]],
    );
  });

  test("loops in loops, with values captured from both levels and from outside", async () => {
    const build: Build = (x, w) =>
      loop(2, [x], (i, s) => {
        const u = sin((s as Value).mul(w));
        const [t, all] = loop(i.add(1), [u], (j, v) => {
          const next = (v as Value)
            .mul(w)
            .add(u)
            .add(s as Value);
          return { state: [next.mul(j.cast(next.dtype).add(0.5))], collect: [next] };
        }) as [Value, Value];
        return [tanh(t.add(reduceSum(all, { axes: 0 })))];
      })[0] as Value;
    await checkGradient(build, [[2], [2]]);
    await expectSame(
      build,
      (x, w) => {
        let s = x;
        for (let i = 0; i < 2; i++) {
          const u = sin(s.mul(w));
          let [t, sum] = [u, u.mul(0)];
          for (let j = 0; j <= i; j++) {
            const next = t.mul(w).add(u).add(s);
            t = next.mul(j + 0.5);
            sum = sum.add(next);
          }
          s = tanh(t.add(sum));
        }
        return s;
      },
      [[2], [2]],
    );
  });

  test("states that are no floats, that are swapped, passed on, or ignored", async () => {
    const build: Build = (x, w) => {
      const start = x.graph.constant(1, "int64");
      const [a, b, c, n] = loop(3, [x, w, w.mul(2), start, x], (_, a, b, c, n, d) => [
        (b as Value).mul((n as Value).cast(x.dtype)),
        a as Value,
        c as Value,
        (n as Value).add(n as Value),
        d as Value,
      ]) as [Value, Value, Value, Value];
      return a.mul(c).add(sin(b)).mul(n.cast(x.dtype));
    };
    await checkGradient(build, [[2], [2]]);
  });

  test("matrices, as a recurrent network has them", async () => {
    const build: Build = (x, w, v) => {
      const h = matmul(gather(x, 0), w).mul(0);
      return loop(sizeOf(x, 0), [h], (i, s) => ({
        state: [tanh(matmul(gather(x, i), w).add(matmul(s as Value, v)))],
      }))[0] as Value;
    };
    await checkGradient(build, [
      [3, 2, 2],
      [2, 2],
      [2, 2],
    ]);
  });

  test("no rounds at all", async () => {
    const build: Build = (x, w) => {
      const [last, all] = loop(sizeOf(x, 0), [w], (i, s) => {
        const next = tanh((s as Value).mul(gather(x, i)));
        return { state: [next], collect: [next.add(w)] };
      }) as [Value, Value];
      return last.add(reduceSum(all));
    };
    for (const knowledge of ["named", "unknown"] as const) {
      const found = await gradientAt(build, [numbers([], [0, 2]), numbers([1, 2])], knowledge);
      expect(found).toEqual([[], [1, 1]]);
    }
    const never: Build = (x) =>
      loop(3, [x], (_, s) => [(s as Value).mul(2)], {
        condition: reduceSum(x).greater(1e9),
      })[0] as Value;
    expect(await gradientAt(never, [numbers([1, 2])])).toEqual([[1, 1]]);
    const longer: Build = (x, y) =>
      loop(sizeOf(y, 0), [reduceSum(y)], (i, s) => [
        (s as Value).add(reduceSum(gather(x, i))),
      ])[0] as Value;
    const more = await gradientAt(
      longer,
      [numbers([1, 2, 3, 4, 5, 6], [3, 2]), numbers([], [0])],
      "unknown",
    );
    expect(more).toEqual([[0, 0, 0, 0, 0, 0], []]);
  });

  test("slices of a longer value, along any axis, from either end, twice, and beside other uses", async () => {
    const along: Build = (x, w) =>
      loop(2, [w], (i, s) => [
        (s as Value).mul(gather(x, i, { axis: 1 })).add(gather(x, i, { axis: 1 })),
      ])[0] as Value;
    await checkGradient(along, [[2, 4], [2]]);
    const back: Build = (x, w) =>
      loop(3, [w], (i, s) => [
        sin(s as Value).mul(gather(x, x.graph.constant(2, "int64").sub(i))),
      ])[0] as Value;
    await checkGradient(back, [[3, 2], [2]]);
    const both: Build = (x, w) =>
      loop(3, [w], (i, s) => [
        sin(s as Value)
          .mul(gather(x, i))
          .add(reduceMax(x)),
      ])[0] as Value;
    await checkGradient(both, [[3, 2], [2]]);
  });
});

describe("scan", () => {
  for (const reverse of [false, true]) {
    test(`states and collected results, ${reverse ? "from the last" : "from the first"} on`, async () => {
      const build: Build = (x, w, h) => {
        const [last, all] = scan(
          [h],
          [x, x.mul(2)],
          ([s], [row, twice]) => {
            const next = tanh((s as Value).mul(w).add(row as Value)).mul(twice as Value);
            return { state: [next], collect: [next.mul(s as Value)] };
          },
          { reverse },
        ) as [Value, Value];
        return all.mul(x).add(last);
      };
      await checkGradient(build, [[3, 2], [2], [2]]);
    });
  }

  test("along other axes", async () => {
    const build: Build = (x, h) => {
      const g = x.graph;
      const block = g.body(
        [
          { dtype: x.dtype, shape: h.shape, hint: "s" },
          { dtype: x.dtype, shape: h.shape, hint: "column" },
        ],
        (s, column) => {
          const next = sin((s as Value).mul(column as Value));
          return [next, next.add(s as Value)];
        },
      );
      const [last, all] = g.node(
        "Scan",
        [h, x],
        {
          body: block,
          num_scan_inputs: 1,
          scan_input_axes: [-1],
          scan_output_axes: [1],
          scan_input_directions: [1],
        },
        { outputs: 2 },
      ) as [Value, Value];
      return all.mul(x).add(reduceSum(last));
    };
    await checkGradient(build, [[2, 3], [2]]);
  });
});

describe("ifElse", () => {
  test("branches of different rank, of which the sizes decide", async () => {
    // As PyTorch writes squeeze. ONNX Runtime 1.30 takes the If away when it loads the model.
    const build: Build = (x) => {
      const p = sin(x);
      const single = equal(gather(shape(p), [1]), [1]);
      const [q] = ifElse(
        single,
        () => [squeeze(p, 1)],
        () => [identity(p)],
      );
      return reshape(q as Value, [2, 3]).mul([[1, 2, 3]]);
    };
    await checkGradient(build, [[2, 1, 3]]);
  });

  test("the branch that is taken, with what it reads from outside", async () => {
    const build: Build = (x, w) => {
      const u = sin(x);
      const [y, z] = ifElse(
        reduceSum(x).greater(0),
        () => [u.mul(w).mul(x), w],
        () => [x, cos(w.mul(x))],
      ) as [Value, Value];
      return y.add(z.mul(z));
    };
    await checkGradient(build, [[2], [2]]);
    for (const sign of [1, -1]) {
      const [dx, dw] = await gradientAt(build, [numbers([sign, sign]), numbers([2, 3])]);
      expect(dx?.every(Number.isFinite)).toBe(true);
      expect(dw).not.toEqual([0, 0]);
    }
  });

  test("the other branch is not computed: it may be what has no value here", async () => {
    const build: Build = (x) =>
      ifElse(
        reduceSum(x).greater(0),
        () => [x.log()],
        () => [x],
      )[0] as Value;
    expect(await gradientAt(build, [numbers([-1, -2])])).toEqual([[1, 1]]);
    expect(await gradientAt(build, [numbers([0.5, 2])])).toEqual([[2, 0.5]]);
  });

  test("in a loop, around a loop, and in another branch", async () => {
    const build: Build = (x, w) =>
      loop(3, [x], (i, s) =>
        ifElse(
          i.equal(1),
          () => [
            loop(2, [s as Value], (_, t) =>
              ifElse(
                reduceSum(w).greater(0),
                () => [(t as Value).mul(w)],
                () => [sin(t as Value).add(w)],
              ),
            )[0] as Value,
          ],
          () => [tanh((s as Value).add(w))],
        ),
      )[0] as Value;
    await checkGradient(build, [[2], [2]]);
  });
});

describe("what is written", () => {
  const written = (outputs: Record<string, Value>) => {
    const { graph } = Object.values(outputs)[0] as Value;
    return fromBinary(ModelProtoSchema, graph.toModel({ outputs })).graph as GraphProto;
  };
  const loopsOf = (graph: GraphProto) =>
    graph.node
      .filter(({ opType }) => opType === "Loop")
      .map(({ input, output, attribute }) => [
        input.length,
        output.length,
        attribute[0]?.g?.node.length,
      ]);

  test("the loop runs once, and keeps only the states that its gradient needs", () => {
    const g = new Graph("lean");
    const [x, w] = ["x", "w"].map((name) => g.input(name, "float64", [3])) as [Value, Value];
    const [y, unused] = loop(5, [x, w], (_, s, t) => [
      tanh((s as Value).mul(w)),
      (t as Value).add(w),
    ]) as [Value, Value];
    const [dx, dw] = vjp(y, [x, w]) as [Value, Value];
    // Count, condition and one state go in; out come the state and what it was before each round.
    expect(loopsOf(written({ y, dx }))[0]).toEqual([3, 2, 4]);
    expect(loopsOf(written({ y }))).toEqual([[3, 1, 3]]);
    expect(loopsOf(written({ y, unused }))).toEqual([[4, 2, 4]]);
    const [forward, backward, ...more] = loopsOf(written({ y, dx, dw })) as number[][];
    expect(forward).toEqual([3, 2, 4]);
    expect(backward?.slice(0, 2)).toEqual([4, 2]);
    expect(more).toEqual([]);
  });

  test("a gradient that is linear in a state keeps none of it", () => {
    const g = new Graph("linear");
    const [x, w] = ["x", "w"].map((name) => g.input(name, "float64", [3])) as [Value, Value];
    const [y] = loop(5, [x], (_, s) => [(s as Value).mul(w)]) as [Value];
    const [dx] = vjp(y, [x]) as [Value];
    expect(loopsOf(written({ dx }))).toEqual([[3, 1, 2]]);
  });

  test("a second derivative goes once through each loop of the first", () => {
    const g = new Graph("twice");
    const x = g.input("x", "float64", [3]);
    const [y] = loop(5, [x], (_, s) => [tanh(s as Value).mul(s as Value)]) as [Value];
    const [dx] = vjp(y.mul(y), [x]) as [Value];
    const [ddx] = vjp(dx, [x]) as [Value];
    // Forward, back, and back through both: the first one's cotangents are kept by itself.
    expect(loopsOf(written({ y, dx, ddx })).length).toBe(4);
  });
});

describe("imported models", () => {
  /** Compares the derivatives of a graph with those of what is read from its model, and of what is read
   * from a barer one. */
  async function expectSameRead(build: Build, inputs: readonly ReturnType<typeof numbers>[]) {
    const g = new Graph("written");
    const xs = inputs.map(({ dims }, i) => g.input(`x${i}`, "float64", dims));
    g.output("y", build(...(xs as unknown as Parameters<Build>)));
    const graphs = [g, Graph.fromModel(g.toModel()), Graph.fromModel(withoutTypes(g.toModel()))];
    const results: number[][][] = [];
    for (const graph of graphs) {
      const own = inputs.map((_, i) => graph.value(`x${i}`));
      const first = vjp(graph.value("y"), own);
      const second = vjp(first.map(sin), own);
      const named = Object.fromEntries([...first, ...second].map((v, i) => [`d${i}`, v] as const));
      const found = await runBoth(graph, named, inputs);
      results.push(Object.keys(named).map((name) => found[name]?.data as number[]));
    }
    const [direct, read, barer] = results as [number[][], number[][], number[][]];
    expectClose("read", read, direct, 1e-9);
    expectClose("read without types", barer, direct, 1e-9);
  }

  const inputs = [numbers([0.5, -1.5, 2, 1, 0.3, -0.2], [3, 2]), numbers([0.7, -0.4])];

  test("Loop", async () => {
    await expectSameRead((x, w) => {
      const [last, all] = loop(sizeOf(x, 0), [w], (i, s) => {
        const next = tanh((s as Value).mul(gather(x, i)).add(w));
        return { state: [next], collect: [next.add(w)], proceed: reduceSum(next).less(50) };
      }) as [Value, Value];
      return reduceSum(all).mul(last);
    }, inputs);
  });

  test("Scan", async () => {
    await expectSameRead((x, w) => {
      const [last, all] = scan([w], [x], ([s], [row]) => {
        const next = tanh(
          (s as Value)
            .mul(row as Value)
            .add(w)
            .mul(1.5),
        );
        return { state: [next], collect: [next.add(w)] };
      }) as [Value, Value];
      return reduceSum(all).mul(last);
    }, inputs);
  });

  test("an Identity in the body that has lost its input is no reason to fall over", () => {
    const g = new Graph("written");
    const x = g.input("x", "float64", [2]);
    const [last, all] = loop(3, [x], (_, s) => {
      return { state: [tanh(s as Value)], collect: [identity(s as Value)] };
    }) as [Value, Value];
    g.output("last", last).output("all", all);
    const model = fromBinary(ModelProtoSchema, g.toModel());
    const body = model.graph?.node.find(({ opType }) => opType === "Loop")?.attribute[0]?.g;
    const copy = body?.node.find(({ opType }) => opType === "Identity");
    expect(copy?.input.splice(0)).toHaveLength(1);
    const read = Graph.fromModel(toBinary(ModelProtoSchema, model));
    expect(vjp(read.value("last"), [read.value("x")])).toHaveLength(1);
  });

  test("If, in a Loop", async () => {
    await expectSameRead(
      (x, w) =>
        loop(3, [w], (i, s) =>
          ifElse(
            reduceSum(s as Value).greater(0),
            () => [sin((s as Value).mul(gather(x, i)))],
            () => [(s as Value).mul(w).add(1)],
          ),
        )[0] as Value,
      inputs,
    );
  });
});

/** A model as some tools write them: bodies do not say the types of their arguments, and bring their own
 * constants as initialisers. */
function withoutTypes(bytes: Uint8Array): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  const top = model.graph as GraphProto;
  let count = 0;
  const strip = (graph: GraphProto) => {
    for (const body of graph.node.flatMap(({ attribute }) =>
      attribute.flatMap(({ g }) => g ?? []),
    )) {
      // The round and the condition must have them.
      for (const input of body.input) if (!/^(round|go)/.test(input.name)) delete input.type;
      strip(body);
      for (const tensor of top.initializer) {
        const name = `own_${count++}`;
        const readers = body.node.filter(({ input }) => input.includes(tensor.name));
        for (const node of readers) {
          node.input = node.input.map((input) => (input === tensor.name ? name : input));
        }
        if (readers.length > 0) {
          body.initializer.push(create(TensorProtoSchema, { ...tensor, name }));
        }
      }
    }
  };
  strip(top);
  return toBinary(ModelProtoSchema, model);
}
