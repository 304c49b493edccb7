import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { Graph, gather, grad, type Value } from "../../src/index.ts";
import {
  type Backend,
  createSession,
  createStepper,
  nativeStatus,
  type Stepper,
  Tensor,
  type Tensors,
} from "../../src/node.ts";

const ROWS = [
  [1, 2, 3],
  [4, 5, 6],
  [7, 8, 10],
];
const TARGETS = [1, -1, 2];
const FEEDS = { X: ROWS, y: TARGETS };

const BACKENDS: readonly Backend[] = nativeStatus().available ? ["cpu", "native"] : ["cpu"];

/** Least squares by gradient descent with momentum: two parameters, one of which the other reads. */
function descent(): Graph {
  const g = new Graph("descent");
  const X = g.input("X", "float32", ["n", 3]);
  const y = g.input("y", "float32", ["n"]);
  const w = g.parameter("w", [0.5, 0, -0.5]);
  const velocity = g.parameter("velocity", 0, [3]);
  const loss = X.matmul(w).sub(y).square().mean();
  const [dw] = grad(loss, [w]);
  const next = velocity.mul(0.9).sub((dw as Value).mul(0.01));
  return g.output("loss", loss).update(velocity, next).update(w, w.add(next));
}

/** a and b change places at every step: wrong as soon as a step writes where it reads. */
function swapping(): Graph {
  const g = new Graph("swap");
  const a = g.parameter("a", [1, 2]);
  const b = g.parameter("b", [3, 4]);
  return g.output("sum", a.mul(10).add(b)).update(a, b).update(b, a);
}

/** count grows by table[index], which fails where the table has no such element. */
function counting(): Graph {
  const g = new Graph("count");
  const index = g.input("index", "int64", []);
  const count = g.parameter("count", 0);
  const more = gather(g.constant([1, 10, 100]), index);
  return g.output("seen", count.add(0)).update(count, count.add(more));
}

const numbers = (tensor: Tensor | undefined) => Array.from(tensor?.data as Float32Array);

async function message(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no error",
    (error: Error) => error.message,
  );
}

describe.each(BACKENDS)("a stepper on the backend %s", (backend) => {
  const steppers: Stepper[] = [];
  const stepperOf = async (...[model, options]: Parameters<typeof createStepper>) => {
    const stepper = await createStepper(model, { backend, ...options });
    steppers.push(stepper);
    return stepper;
  };
  afterEach(async () => {
    for (const stepper of steppers.splice(0)) await stepper.dispose();
  });

  test("does what a loop by hand over the exported model does", async () => {
    const g = descent();
    const session = await createSession(g.toModel(), { backend: "cpu" });
    let state: Tensors = {
      w: new Tensor("float32", [0.5, 0, -0.5], [3]),
      velocity: new Tensor("float32", [0, 0, 0], [3]),
    };
    const stepper = await stepperOf(g);
    for (let i = 0; i < 20; i++) {
      const byHand = await session.run({ ...FEEDS, ...state });
      state = {
        w: byHand["w.next"] as Tensor,
        velocity: byHand["velocity.next"] as Tensor,
      };
      const result = await stepper.step(FEEDS);
      expect(Object.keys(result)).toEqual(["loss"]);
      expect(result.loss?.data).toEqual(byHand.loss?.data);
    }
    const end = await stepper.state();
    expect(Object.keys(end).sort()).toEqual(["velocity", "w"]);
    expect(end.w?.data).toEqual(state.w?.data);
    expect(end.velocity?.data).toEqual(state.velocity?.data);
    await session.dispose();
  });

  test("says what a step takes and gives, the state left out", async () => {
    const stepper = await stepperOf(descent());
    expect(stepper.inputs.map(({ name }) => name)).toEqual(["X", "y"]);
    expect(stepper.outputs.map(({ name }) => name)).toEqual(["loss"]);
  });

  test("updates that read other parameters see them as they were before the step", async () => {
    const stepper = await stepperOf(swapping());
    for (let i = 0; i < 6; i++) {
      const { sum } = await stepper.step();
      expect(numbers(sum)).toEqual(i % 2 === 0 ? [13, 24] : [31, 42]);
      const { a, b } = await stepper.state();
      expect([numbers(a), numbers(b)]).toEqual(
        i % 2 === 0
          ? [
              [3, 4],
              [1, 2],
            ]
          : [
              [1, 2],
              [3, 4],
            ],
      );
    }
  });

  test("steps that overlap are taken in the order of the calls", async () => {
    const stepper = await stepperOf(counting());
    const steps = [0, 1, 2, 0].map((index) => stepper.step({ index }));
    const between = stepper.state();
    const last = stepper.step({ index: 2 });
    const seen = (await Promise.all(steps)).map((result) => numbers(result.seen)[0]);
    expect(seen).toEqual([0, 1, 11, 111]);
    expect(numbers((await between).count)).toEqual([112]);
    expect(numbers((await last).seen)).toEqual([112]);
  });

  test("a step that fails leaves the state as it was, and later ones go on", async () => {
    const stepper = await stepperOf(counting(), { logSeverityLevel: 4 });
    await stepper.step({ index: 1 });
    const failing = stepper.step({ index: 7 });
    const after = stepper.step({ index: 0 });
    expect(await message(failing)).toMatch(/out of data bounds|out of bounds/);
    expect(numbers((await after).seen)).toEqual([10]);
    expect(await message(stepper.step({ index: 0.5 }))).toBe(
      'step: feed "index": expected whole numbers for int64, got 0.5',
    );
    expect(numbers((await stepper.state()).count)).toEqual([11]);
  });

  test("the state that it gives and takes is copied", async () => {
    const initial = new Tensor("float32", [5, 6], [2]);
    const stepper = await stepperOf(swapping(), { state: { a: initial } });
    await stepper.step();
    await stepper.step();
    expect(numbers(initial)).toEqual([5, 6]);
    const state = await stepper.state();
    ((state.a as Tensor).data as Float32Array).fill(-1);
    expect(numbers((await stepper.state()).a)).toEqual([5, 6]);
    const given = new Tensor("float32", [7, 8], [2]);
    await stepper.setState({ b: given });
    (given.data as Float32Array).fill(-1);
    await stepper.step();
    const { a, b } = await stepper.state();
    expect([numbers(a), numbers(b)]).toEqual([
      [7, 8],
      [5, 6],
    ]);
  });

  test("setState takes its turn, and changes nothing if one tensor does not fit", async () => {
    const stepper = await stepperOf(swapping());
    const step = stepper.step();
    const set = stepper.setState({ a: [0, 0] });
    expect(numbers((await step).sum)).toEqual([13, 24]);
    await set;
    const { a, b } = await stepper.state();
    expect([numbers(a), numbers(b)]).toEqual([
      [0, 0],
      [1, 2],
    ]);
    expect(await message(stepper.setState({ a: [9, 9], b: [1, 2, 3] }))).toBe(
      'setState: state "b": expected float32 [2], got an array of shape [3]',
    );
    expect(await message(stepper.setState({ c: [1] }))).toBe(
      'setState: there is no parameter "c"; did you mean "a"?',
    );
    expect(numbers((await stepper.state()).a)).toEqual([0, 0]);
  });

  test("a parameter that nothing updates is held all the same", async () => {
    const g = new Graph("held");
    const x = g.input("x", "float32", []);
    const total = g.parameter("total", 0);
    const rate = g.parameter("rate", 2);
    g.output("before", total.add(0)).update(total, total.add(x.mul(rate)));
    const stepper = await stepperOf(g);
    await stepper.step({ x: 10 });
    expect(await message(stepper.step({ x: 10, rate: 3 }))).toBe(
      'step: "rate" is held by the stepper; change it with setState',
    );
    await stepper.setState({ rate: 3 });
    await stepper.step({ x: 10 });
    const state = await stepper.state();
    expect([numbers(state.total), numbers(state.rate)]).toEqual([[50], [3]]);
    const fromBytes = await stepperOf(g.toModel(), { state: { total: 1, rate: 5 } });
    expect(fromBytes.inputs.map(({ name }) => name)).toEqual(["x"]);
    await fromBytes.step({ x: 1 });
    expect(numbers((await fromBytes.state()).total)).toEqual([6]);
  });

  test("scalars, integers, empty tensors and booleans that no step reads can be state", async () => {
    const g = new Graph("kinds");
    const steps = g.parameter("steps", 0, [], "int64");
    const odd = g.parameter("odd", false);
    const nothing = g.parameter("nothing", [], [0, 3], "float64");
    g.update(steps, steps.add(1)).update(nothing, nothing.mul(2));
    g.update(odd, steps.add(1).equal(1));
    const stepper = await stepperOf(g);
    expect(await stepper.step()).toEqual({});
    expect(await stepper.state()).toMatchObject({
      steps: { data: new BigInt64Array([1n]), dims: [] },
      odd: { data: new Uint8Array([1]), dims: [] },
      nothing: { dims: [0, 3] },
    });
  });

  test("its state goes back into the graph for an inference model", async () => {
    const g = descent();
    const stepper = await stepperOf(g);
    for (let i = 0; i < 5; i++) await stepper.step(FEEDS);
    const state = await stepper.state();
    const outputs = { weights: g.value("w").mul(1) };
    const session = await createSession(g.toModel({ outputs, state }));
    expect((await session.run()).weights?.data).toEqual(state.w?.data);
    await session.dispose();
  });

  test("dispose waits for the steps so far, does nothing twice, and ends the stepper", async () => {
    const stepper = await stepperOf(counting());
    const step = stepper.step({ index: 0 });
    const disposal = stepper.dispose();
    expect(numbers((await step).seen)).toEqual([0]);
    await disposal;
    await stepper.dispose();
    for (const call of [stepper.step({ index: 0 }), stepper.state(), stepper.setState({})]) {
      expect(await message(call)).toMatch(/^(step|state|setState): the stepper is disposed of$/);
    }
  });
});

describe("a stepper of a model file", () => {
  test("starts from the state given", async () => {
    const stepper = await createStepper(swapping().toModel(), { state: { a: [1, 2], b: [3, 4] } });
    expect(numbers((await stepper.step()).sum)).toEqual([13, 24]);
    await stepper.dispose();
  });

  test("needs a state for every parameter", async () => {
    expect(await message(createStepper(swapping().toModel(), { state: { a: [1, 2] } }))).toBe(
      'createStepper: state "b" is missing: a model file does not hold initial values, ' +
        "give them as options.state",
    );
    expect(await message(createStepper(swapping().toModel(), { state: { alpha: 1 } }))).toBe(
      'createStepper: there is no parameter "alpha"; there are a, b',
    );
  });

  test("refuses metadata that does not fit the model", async () => {
    const model = fromBinary(ModelProtoSchema, swapping().toModel());
    for (const value of ["[", "7", '[["a"]]', '[["a","nowhere"]]', '[["nobody","a.next"]]']) {
      for (const entry of model.metadataProps) entry.value = value;
      const bytes = toBinary(ModelProtoSchema, model);
      expect(await message(createStepper(bytes, { state: { a: [1, 2], b: [3, 4] } }))).toBe(
        `createStepper: the model's ai.softonnx.state does not pair its inputs with its outputs: ${value}`,
      );
    }
  });
});

test("a graph without updates is no training step", async () => {
  const g = new Graph("inference");
  g.output("y", g.input("x", "float32", []).mul(2));
  expect(await message(createStepper(g))).toBe(
    "createStepper: the model is no training step: it updates no parameter; " +
      "write graph.update(parameter, next)",
  );
});

test("createStepper rejects options that it does not know", async () => {
  expect(await message(createStepper(swapping(), { initial: {} } as never))).toBe(
    'createStepper: unknown option "initial"; it takes backend, graphOptimizationLevel, ' +
      "executionMode, intraOpNumThreads, interOpNumThreads, enableCpuMemArena, enableMemPattern, " +
      "freeDimensionOverrides, logSeverityLevel, extra, state",
  );
});
