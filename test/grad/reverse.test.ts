import { AttributeProto_AttributeType } from "onnx-buf";
import { type Definition, SOFTONNX_DOMAIN } from "../../src/builder/definition.ts";
import { GraphError } from "../../src/builder/errors.ts";
import { Graph } from "../../src/builder/graph.ts";
import { schemas } from "../../src/builder/operators/every.ts";
import {
  argMax,
  cast,
  customGradient,
  floor,
  gather,
  ifElse,
  loop,
  matmul,
  passThrough,
  randomNormalLike,
  reduceMax,
  reduceMean,
  reduceSum,
  relu,
  sigmoid,
  sin,
  stopGradient,
  topK,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import {
  dependsOn,
  type GradientRules,
  grad,
  hessian,
  hessianVectorProduct,
  jvp,
  valueAndGrad,
  vjp,
} from "../../src/grad/index.ts";
import { rules } from "../../src/grad/rules/every.ts";
import { attribute, bytesOf, info, graph as message, node, opset } from "../builder/messages.ts";
import { expectClose, numbers, runBoth } from "./check.ts";

function graph(...shapes: (string | number)[][]) {
  const g = new Graph("test");
  const xs = shapes.map((dims, i) => g.input(`x${i}`, "float64", dims));
  return { g, xs: xs as [Value, Value, Value] };
}

/** An operator that nobody has a rule for. */
function foreign(x: Value, name = "Foreign"): Value {
  const types = [{ dtype: x.dtype, shape: x.shape as (number | string)[] }];
  return x.graph.node(name, [x], {}, { domain: "com.example", types })[0] as Value;
}

describe("grad", () => {
  test("the textbook: least squares", async () => {
    const { g, xs } = graph(["n", 3], [3], ["n"]);
    const [X, w, y] = xs;
    const residual = y.sub(matmul(X, w));
    const { value, grads } = valueAndGrad(reduceSum(residual.mul(residual)), [w, X]);
    const [dw, dX] = grads as [Value, Value];
    expect(dw.shape).toEqual([3]);
    expect(dX.shape).toEqual(["n", 3]);
    const found = await runBoth(g, { value, dw, dX }, [
      numbers([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [4, 3]),
      numbers([0, 0, 0]),
      numbers([1, 2, 3, 4]),
    ]);
    expect(found.value?.data).toEqual([30]);
    // -2 X' y: at the default optimisation level ONNX Runtime has computed -2 X y here.
    expect(found.dw?.data).toEqual([-140, -160, -180]);
    expect(found.dX?.data).toEqual(new Array(12).fill(-0));
  });

  test("x used in many places: contributions are added in pairs", async () => {
    const { g, xs } = graph([2]);
    const [x] = xs;
    const y = Array.from({ length: 64 }, (_, i) => sin(x.mul(i + 1))).reduce((a, b) => a.add(b));
    const before = g.root.nodes.length;
    const [dx] = grad(reduceSum(y), [x]) as [Value];
    let depth = 0;
    for (let at: Value | undefined = dx; at?.producer?.op === "Add"; at = at.producer.inputs[0])
      depth++;
    expect(depth).toBe(6);
    expect(g.root.nodes.length - before).toBeLessThan(64 * 4 + 8);
    const found = await runBoth(g, { dx }, [numbers([0, 0])]);
    expect(found.dx?.data).toEqual([2080, 2080]);
  });

  test("by intermediate values, constants, parameters, twice the same, and y itself", async () => {
    const { g, xs } = graph([]);
    const [x] = xs;
    const c = g.constant(3, "float64");
    const p = g.parameter("p", 5, "float64");
    const u = x.mul(c);
    const y = u.mul(u).mul(p);
    const outputs = grad(y, [x, u, c, p, x, y]) as [Value, Value, Value, Value, Value, Value];
    expect(outputs[4]).toBe(outputs[0]);
    const named = Object.fromEntries(outputs.map((value, i) => [`d${i}`, value]));
    const found = await runBoth(g, named, [numbers([2], [])]);
    expect(outputs.map((_, i) => found[`d${i}`]?.data[0])).toEqual([180, 60, 120, 36, 180, 1]);
  });

  test("nests to any order", async () => {
    const { g, xs } = graph([]);
    const [x] = xs;
    const orders: Record<string, Value> = {};
    let y = x.mul(x).mul(x).mul(x).add(sin(x));
    for (let order = 1; order <= 6; order++) {
      y = grad(y, [x])[0] as Value;
      orders[`d${order}`] = y;
    }
    const found = await runBoth(g, orders, [numbers([2], [])]);
    const [s, c] = [Math.sin(2), Math.cos(2)];
    const wanted = [32 + c, 48 - s, 48 - c, 24 + s, c, -s];
    expectClose(
      "orders",
      [wanted.map((_, i) => found[`d${i + 1}`]?.data[0] as number)],
      [wanted],
      1e-12,
    );
  });

  test("exact zeros where y does not depend on x, also beside NaN", async () => {
    const { g, xs } = graph(["n"], ["n"]);
    const [x, other] = xs;
    const [dx, zero] = grad(reduceSum(x.log()), [x, other]) as [Value, Value];
    expect(zero.shape).toEqual(["n"]);
    const found = await runBoth(g, { dx, zero }, [numbers([1, 2]), numbers([Number.NaN, 1])]);
    expect(found.zero?.data).toEqual([0, 0]);
  });

  test("integers and booleans end the path", async () => {
    const { g, xs } = graph(["n"]);
    const [x] = xs;
    const at = argMax(x);
    const picked = gather(x, at).mul(cast(at, "float64"));
    const [dx] = grad(reduceSum(picked), [x]) as [Value];
    const found = await runBoth(g, { dx }, [numbers([1, 4, 2])]);
    expect(found.dx?.data).toEqual([0, 1, 0]);
    expect(dependsOn(cast(at, "float64"), x)).toBe(false);
    expect(dependsOn(picked, x)).toBe(true);
    const alone = grad(cast(at, "float64"), [x])[0] as Value;
    expect((await runBoth(g, { alone }, [numbers([1, 4, 2])])).alone?.data).toEqual([0, 0, 0]);
  });

  test("float32, and across a cast", async () => {
    const { g, xs } = graph([2]);
    const [x] = xs;
    const y = cast(reduceSum(cast(x, "float32").mul(0.5)), "float64").mul(3);
    const [dx] = grad(y, [x]) as [Value];
    expect(dx.dtype).toBe("float64");
    expect((await runBoth(g, { dx }, [numbers([1, 2])])).dx?.data).toEqual([1.5, 1.5]);
  });

  test("batches of size 0", async () => {
    const { g, xs } = graph(["n", 3], [3]);
    const [x, w] = xs;
    const y = reduceMean(x.mul(w), { axes: 1 });
    const [dx, dw] = vjp(y.add(reduceMax(x, { axes: 1 })), [x, w]) as [Value, Value];
    const found = await runBoth(g, { dx, dw }, [numbers([], [0, 3]), numbers([1, 2, 3])]);
    expect(found.dx?.dims).toEqual([0, 3]);
    expect(found.dw?.data).toEqual([0, 0, 0]);
  });

  test("chains of 50,000 nodes, in about linear time", () => {
    const seconds = [5_000, 50_000].map((length) => {
      const { xs } = graph([2]);
      let y = xs[0];
      for (let i = 0; i < length; i++) y = i % 2 === 0 ? sin(y) : y.add(1);
      const start = performance.now();
      grad(reduceSum(y), [xs[0]]);
      return performance.now() - start;
    }) as [number, number];
    expect(seconds[1]).toBeLessThan(5_000);
    expect(seconds[1]).toBeLessThan(60 * seconds[0] + 500);
  });

  test("visits only what lies between x and y", () => {
    const { g, xs } = graph([2]);
    let x = xs[0];
    for (let i = 0; i < 50; i++) x = foreign(x);
    const y = reduceSum(x.mul(x));
    const before = g.root.nodes.length;
    grad(y, [x]);
    expect(g.root.nodes.length - before).toBeLessThan(6);
  });
});

describe("scopes", () => {
  test("backward nodes lie under grad and the scope of their forward nodes", () => {
    const { g, xs } = graph([2]);
    const [x] = xs;
    const y = g.operation("median", () => sin(g.scope("sort", () => x.exp()).mul(x)));
    const [dx] = grad(reduceSum(y), [x]) as [Value];
    const scopes = new Set(
      g.root.nodes.filter((node) => node.scope.startsWith("grad")).map((node) => node.scope),
    );
    expect([...scopes].sort()).toEqual(["grad_0", "grad_0/median_0", "grad_0/median_0/sort"]);
    expect(dx.producer?.scope).toBe("grad_0");
    grad(reduceSum(dx.mul(dx)), [x]);
    expect(g.root.nodes.at(-1)?.scope).toMatch(/^grad_1/);
  });
});

describe("vjp", () => {
  test("several results, and cotangents as numbers, lists and values", async () => {
    const { g, xs } = graph([2], [2]);
    const [x, v] = xs;
    const ys = [x.mul(x), x.mul(3), reduceSum(x)];
    const [dx] = vjp(ys, [x], [v, [1, 2], 10]) as [Value];
    const found = await runBoth(g, { dx }, [numbers([1, 2]), numbers([5, 7])]);
    expect(found.dx?.data).toEqual([2 * 5 + 3 + 10, 4 * 7 + 6 + 10]);
  });

  test("ones by default", async () => {
    const { g, xs } = graph(["n", 2]);
    const [dx] = vjp(xs[0].mul(2), [xs[0]]) as [Value];
    expect((await runBoth(g, { dx }, [numbers([1, 2], [1, 2])])).dx?.data).toEqual([2, 2]);
  });

  test("both outputs of an operator, or one of them", async () => {
    const { g, xs } = graph([4]);
    const { values, indices } = topK(xs[0], 2);
    const y = reduceSum(values.mul(cast(indices, "float64")));
    const [dx] = grad(y, [xs[0]]) as [Value];
    expect((await runBoth(g, { dx }, [numbers([1, 9, 2, 8])])).dx?.data).toEqual([0, 1, 0, 3]);
  });
});

describe("rules that users write", () => {
  test("customGradient, also differentiated again", async () => {
    const { g, xs } = graph([2]);
    const [x] = xs;
    const cube = customGradient(
      (a) => foreign(a),
      ([a], dy) => [dy.mul((a as Value).mul(a as Value)).mul(3)],
    );
    const first = vjp(cube(x), [x])[0] as Value;
    const second = vjp(first, [x])[0] as Value;
    const found = await runBoth(g, { first, second }, [numbers([1, 2])]);
    expect(found.first?.data).toEqual([3, 12]);
    expect(found.second?.data).toEqual([6, 12]);
  });

  test("a cotangent of the wrong shape is named", () => {
    const { xs } = graph([2]);
    const bad = customGradient(
      (a) => a.mul(2),
      (_, dy) => [reduceSum(dy)],
    );
    expect(() => vjp(bad(xs[0]), [xs[0]])).toThrow(
      /CustomGradient.*its gradient rule gave float64 \[\].*for input 1, which is float64 \[2\] "x0"/,
    );
  });

  test("what lies behind stopGradient or on the hard side needs no rule", async () => {
    const { g, xs } = graph([2]);
    const [x] = xs;
    const y = passThrough(foreign(x), x.mul(2)).add(stopGradient(foreign(x)));
    const [dx] = vjp(y, [x]) as [Value];
    expect((await runBoth(g, { dx }, [numbers([1, 2])])).dx?.data).toEqual([2, 2]);
  });
});

describe("rules that users give by operator", () => {
  const cubes: GradientRules = {
    "com.example.Foreign": ({ dy, input }) => [dy.mul(input(0).mul(input(0))).mul(3)],
  };

  test("for one that has none, at any order", async () => {
    const { g, xs } = graph([2]);
    const [x] = xs;
    const y = reduceSum(foreign(x));
    const first = grad(y, [x], { rules: cubes })[0] as Value;
    const second = vjp(first, [x])[0] as Value;
    const curvature = hessianVectorProduct(y, [x], [2], { rules: cubes })[0] as Value;
    const step = jvp(foreign(x), [x], [1], { rules: cubes })[0] as Value;
    const H = hessian(y, x, { rules: cubes });
    const found = await runBoth(g, { first, second, curvature, step, H }, [numbers([1, 2])]);
    expect(found.first?.data).toEqual([3, 12]);
    expect(found.second?.data).toEqual([6, 12]);
    expect(found.curvature?.data).toEqual([12, 24]);
    expect(found.step?.data).toEqual([3, 12]);
    expect(found.H?.data).toEqual([6, 0, 0, 12]);
  });

  test("for this call alone", () => {
    const { xs } = graph([2]);
    const y = foreign(xs[0]);
    vjp(y, [xs[0]], 1, { rules: cubes });
    expect(() => vjp(y, [xs[0]])).toThrow(/com.example.Foreign .*give it a rule/);
  });

  test("in place of the one it has, in bodies too", async () => {
    const { g, xs } = graph([2]);
    const [x] = xs;
    const rules: GradientRules = { Relu: ({ dy }) => [dy] };
    const [looped] = loop(2, [x], (_, s) => [relu(s as Value).mul(2)]) as [Value];
    const [chosen] = ifElse(
      reduceSum(x).less(100),
      () => [relu(x).mul(3)],
      () => [x],
    ) as [Value];
    const outputs = Object.fromEntries(
      Object.entries({ plain: relu(x), looped, chosen }).map(([name, y]) => [
        name,
        vjp(y, [x], 1, { rules })[0] as Value,
      ]),
    );
    const found = await runBoth(g, outputs, [numbers([-1, 2])]);
    expect(found.plain?.data).toEqual([1, 1]);
    expect(found.looped?.data).toEqual([4, 4]);
    expect(found.chosen?.data).toEqual([3, 3]);
  });

  test("forward as well: their transpose, whatever operator they are for", async () => {
    const { g, xs } = graph([2]);
    const [x] = xs;
    const turn = g.constant([0, 1, 3, 0], [2, 2], "float64");
    const rules: GradientRules = {
      Neg: ({ dy }) => [dy.mul(5)],
      Sigmoid: ({ dy }) => [matmul(dy, turn)],
    };
    const [linear] = jvp(x.neg(), [x], [[1, 2]], { rules });
    const [curve] = jvp(sigmoid(x), [x], [[1, 2]], { rules });
    const found = await runBoth(g, { linear, curve } as Record<string, Value>, [numbers([1, 2])]);
    expect(found.linear?.data).toEqual([5, 10]);
    expect(found.curve?.data).toEqual([2, 3]);
  });

  test("for imported models, with the attributes that are written", async () => {
    const twist = node("Twist", ["x"], ["t"], {
      domain: "com.example",
      attribute: [
        attribute("angle", { type: AttributeProto_AttributeType.FLOAT, f: 0.5 }),
        attribute("axes", { type: AttributeProto_AttributeType.INTS, ints: [0n, 1n] }),
      ],
    });
    const g = Graph.fromModel(
      bytesOf(
        message({
          input: [info("x", 11, [2])],
          node: [twist, node("ReduceSum", ["t"], ["y"])],
          output: [info("y", 11, [1])],
          valueInfo: [info("t", 11, [2])],
        }),
        { opsetImport: [opset("", 18), opset("com.example", 1)] },
      ),
    );
    const seen: unknown[] = [];
    const [dx] = grad(g.value("y"), [g.value("x")], {
      rules: {
        "com.example.Twist": ({ dy, attributes }) => {
          seen.push(attributes);
          return [dy.mul(attributes.angle as number)];
        },
      },
    }) as [Value];
    expect(seen).toEqual([{ angle: 0.5, axes: [0, 1] }]);
    expect((await runBoth(g, { dx }, [numbers([1, 2])])).dx?.data).toEqual([0.5, 0.5]);
  });

  test("of ai.onnx, for operators that there are", () => {
    const { xs } = graph([2]);
    const y = relu(foreign(xs[0]));
    const by = (name: string) => () =>
      vjp(y, [xs[0]], 1, { rules: { ...cubes, [name]: () => [] } });
    expect(by("Rellu")).toThrow('vjp: rules: there is no operator "Rellu"; did you mean "Relu"?');
    expect(by("ai.onnx.Relu")).toThrow(
      'vjp: rules: there is no operator "ai.onnx.Relu"; did you mean "Relu"?',
    );
    // Those of another graph.
    expect(by("Sigmoid")()).toHaveLength(1);
    expect(by("com.example.Forein")()).toHaveLength(1);
  });

  test("what they give is checked", () => {
    const { xs } = graph([2]);
    const by = (rule: unknown) => () =>
      vjp(foreign(xs[0]), [xs[0]], 1, { rules: { "com.example.Foreign": rule } as GradientRules });
    expect(by(({ dy }: { dy: Value }) => [reduceSum(dy)])).toThrow(
      /com.example.Foreign .*its gradient rule gave float64 \[\].*for input 0, which is float64 \[2\]/,
    );
    expect(by(({ dy }: { dy: Value }) => dy)).toThrow(
      /com.example.Foreign: its rule: expected a list of at most 1 cotangents, .*got float64 \[2\]/,
    );
    expect(by(({ dy }: { dy: Value }) => [dy, dy])).toThrow(/at most 1 cotangents, .*got 2/);
    expect(by(3)).toThrow(/vjp: rules\["com.example.Foreign"\]: expected a function, got 3/);
    expect(() => vjp(xs[0], [xs[0]], 1, { rules: null as never })).toThrow(
      /vjp: rules: expected rules by operator, got null/,
    );
  });
});

describe("an operator without a rule of its own", () => {
  /** x1 times the square of x0, and x0 + x1. */
  const definition: Definition = {
    name: "SquareTimes",
    domain: SOFTONNX_DOMAIN,
    version: 1,
    inputs: ["x0", "x1"],
    outputs: ["y", "sum"],
    infer: ([x]) => [x as Value, x as Value].map(({ dtype, shape }) => ({ dtype, shape })),
    body: ([x, y]) => [(x as Value).mul(x as Value).mul(y as Value), (x as Value).add(y as Value)],
    life: "always",
  };
  const apply = (inputs: Value[], rule = definition) =>
    (inputs[0] as Value).graph.emit({
      op: rule.name,
      domain: rule.domain,
      inputs,
      definition: rule,
      outputs: 2,
    }).outputs as readonly [Value, Value];

  test("has the rule of its body, at every order", async () => {
    const { g, xs } = graph([2], [2]);
    const [a, b] = xs;
    const [y, sum] = apply([a, b]);
    const first = vjp([y, sum], [a, b]);
    const second = vjp(first[0] as Value, [a, b]);
    const third = vjp(second[0] as Value, [b])[0] as Value;
    const named = { da: first[0], db: first[1], daa: second[0], dab: second[1], daab: third };
    const found = await runBoth(g, named as Record<string, Value>, [
      numbers([2, 3]),
      numbers([5, 7]),
    ]);
    expect(found.da?.data).toEqual([21, 43]);
    expect(found.db?.data).toEqual([5, 10]);
    expect(found.daa?.data).toEqual([10, 14]);
    expect(found.dab?.data).toEqual([4, 6]);
    expect(found.daab?.data).toEqual([2, 2]);
  });

  test("given one value twice, or a value and what depends on it", async () => {
    const { g, xs } = graph([2]);
    const [a] = xs;
    const [cube] = vjp(apply([a, a])[0], [a]) as [Value];
    const [mixed] = vjp(apply([a, a.mul(3)])[0], [a]) as [Value];
    const found = await runBoth(g, { cube, mixed }, [numbers([2, 3])]);
    expect(found.cube?.data).toEqual([12, 27]);
    expect(found.mixed?.data).toEqual([36, 81]);
  });

  test("names itself and what in its body has no rule", () => {
    const { xs } = graph([2], [2]);
    const opaque: Definition = {
      ...definition,
      body: ([x, y]) => [foreign(x as Value), y as Value],
    };
    const [y] = apply([xs[0], xs[1]], opaque);
    expect(() => vjp(y, [xs[0]])).toThrow(
      /ai.softonnx.SquareTimes .*its body has com.example.Foreign .*no rule is known for it/,
    );
    expect(vjp(apply([xs[0], xs[1]], opaque)[1], [xs[1]])[0]?.shape).toEqual([2]);
  });
});

describe("what cannot be differentiated", () => {
  test("one error names every operator without a rule, in order, and no other", () => {
    const { g, xs } = graph([2]);
    const [x] = xs;
    const a = g.scope("encoder", () => foreign(x));
    const b = foreign(floor(foreign(a.mul(2), "Hidden")), "Second");
    const y = reduceSum(
      foreign(a, "Other")
        .add(b)
        .add(stopGradient(foreign(x, "Stopped"))),
    );
    expect(() => grad(y, [x])).toThrow(
      new GraphError(
        "grad",
        "3 operators on the way from xs to y cannot be differentiated: " +
          'com.example.Foreign "encoder/Foreign" (no rule is known for it), ' +
          'com.example.Second "Second" (no rule is known for it), ' +
          'com.example.Other "Other" (no rule is known for it); ' +
          'give it a rule with the option "rules" or with customGradient, ' +
          "or end the gradient before it with stopGradient",
      ),
    );
  });

  test("also where they hide what type is between them", () => {
    const { g, xs } = graph([2]);
    const [x] = xs;
    const other = { domain: "com.example" };
    const [a] = g.node("First", [x], {}, other) as [Value];
    const [b] = g.node(
      "Second",
      [a],
      {},
      { ...other, types: [{ dtype: "float64", shape: [2] }] },
    ) as [Value];
    expect(() => vjp(b.mul(b), [x])).toThrow(/com.example.First .*, com.example.Second /);
  });

  test("a body that draws at random, since it would draw anew on the way back", () => {
    const { xs } = graph([2]);
    const [x] = xs;
    const [looped] = loop(3, [x], (_, state) => [(state as Value).mul(randomNormalLike(x))]) as [
      Value,
    ];
    expect(() => vjp(looped, [x])).toThrow(
      /its body has a RandomNormalLike, which would draw anew/,
    );
    const [chosen] = ifElse(
      reduceSum(x).greater(0),
      () => [x.mul(randomNormalLike(x))],
      () => [x],
    ) as [Value];
    expect(() => vjp(chosen, [x])).toThrow(/its body has a RandomNormalLike/);
  });

  test("what in a body cannot be, unless only integers pass through it", () => {
    const { g, xs } = graph([2]);
    const [x] = xs;
    const [looped] = loop(3, [x], (_, state) => [foreign(state as Value).mul(x)]) as [Value];
    expect(() => vjp(looped, [x])).toThrow(
      /Loop "loop" \(its body has com.example.Foreign "vjp_0\/Foreign" \(no rule is known for it\)\)/,
    );
    const [chosen] = ifElse(
      reduceSum(x).greater(0),
      () => [foreign(x)],
      () => [x],
    ) as [Value];
    expect(() => vjp(chosen, [x])).toThrow(/If "ifElse" \(its body has com.example.Foreign/);
    const [count] = loop(3, [g.constant(0, "int64")], (_, n) => [(n as Value).add(argMax(x))]) as [
      Value,
    ];
    expect(vjp(x.mul(cast(count, "float64")), [x])[0]?.shape).toEqual([2]);
  });

  test("what a body reads from outside is on the way too", () => {
    const { xs } = graph([2]);
    const outside = foreign(xs[0]);
    const [y] = loop(2, [xs[0]], (_, state) => [(state as Value).mul(outside)]) as [Value];
    expect(() => vjp(y, [xs[0]])).toThrow(/^vjp: one operator .* com.example.Foreign/);
  });

  test("y that is no scalar, or no float", () => {
    const { xs } = graph(["n", 2]);
    expect(() => grad(xs[0], [xs[0]])).toThrow(
      'grad: y: expected a scalar, got float64 [n, 2] "x0"; reduce it, with reduceSum or reduceMean, ' +
        "or use vjp, which takes a cotangent for it",
    );
    const at = argMax(reduceSum(xs[0], { axes: 1 }));
    expect(() => grad(at, [xs[0]])).toThrow(/^grad: y: expected a floating value, got int64/);
    expect(() => vjp([xs[0], at], [xs[0]])).toThrow(/^vjp: ys\[1\]: expected a floating value/);
  });

  test("xs that are no floats, no list, of another graph, or in a closed subgraph", () => {
    const { g, xs } = graph([2]);
    const [x] = xs;
    const n = g.input("n", "int64", []);
    const y = reduceSum(x);
    expect(() => grad(y, [n])).toThrow('grad: xs[0]: expected a floating value, got int64 [] "n"');
    expect(() => grad(y, x as never)).toThrow(/^grad: xs: expected a list of Values/);
    expect(() => grad(y, [graph([2]).xs[0]])).toThrow(/belong to different graphs/);
    let inner: Value | undefined;
    loop(3, [x], (_, state) => {
      inner = state;
      return [(state as Value).mul(2)];
    });
    expect(() => grad(y, [inner as Value])).toThrow(/is inside a closed subgraph/);
  });

  test("cotangents that do not fit", () => {
    const { xs } = graph([2], [3]);
    const [x, v] = xs;
    expect(() => vjp(x, [x], v)).toThrow(
      'vjp: cotangents[0]: expected the type and shape of float64 [2] "x0", got float64 [3] "x1"',
    );
    expect(() => vjp([x, x], [x], [1])).toThrow(/^vjp: cotangents: expected 2, one for each y/);
    expect(() => vjp([x], [x], 1)).toThrow(/^vjp: cotangents: expected a list/);
  });
});

test("every operator that the builder knows has a rule or a reason", () => {
  expect(Object.keys(rules).sort()).toEqual(Object.keys(schemas).sort());
});

test("a gradient can be taken inside the body of a loop", async () => {
  const { g, xs } = graph([]);
  const [x] = xs;
  const [root] = loop(6, [x], (_, r) => {
    const f = (r as Value).mul(r as Value).sub(x);
    return [(r as Value).sub(f.div(grad(f, [r as Value])[0] as Value))];
  }) as [Value];
  expect((await runBoth(g, { root }, [numbers([2], [])])).root?.data[0]).toBeCloseTo(
    Math.SQRT2,
    12,
  );
});

test("a graph below opset 13 is raised to it, and others stay as they are", () => {
  const opsetAfter = (opset: number, fn: (x: Value) => Value) => {
    const g = new Graph("old", { opset });
    const x = g.input("x", "float64", [3]);
    grad(reduceSum(fn(x)), [x]);
    return g.opset;
  };
  expect(opsetAfter(11, relu)).toBe(13);
  expect(opsetAfter(14, relu)).toBe(14);
  expect(opsetAfter(14, (x) => gather(x, [0, 0]))).toBe(14);
});

test("a body that is being built is raised with the graph around it", async () => {
  const g = new Graph("old", { opset: 11 });
  const x = g.input("x0", "float64", [2, 3]);
  const [y] = loop(2, [x], (_, r) => {
    const sum = reduceSum(r as Value, { axes: 1, keepdims: true });
    return [(r as Value).sub(grad(reduceSum(sum.mul(sum)), [r as Value])[0] as Value)];
  }) as [Value];
  expect(g.opset).toBe(13);
  const { data } = (await runBoth(g, { y }, [numbers([1, 2, 3, 4, 5, 6], [2, 3])])).y ?? {};
  // By each element: x - 2 sum, of which the sum is -5 times the one before.
  expect(data).toEqual([49, 50, 51, 124, 125, 126]);
});
