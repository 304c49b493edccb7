import type { Expansion } from "../definition.ts";
import type { OperatorTable } from "../schema.ts";
import type { Value } from "../value.ts";
import { elu, hardSigmoid, leakyRelu, softsign } from "./activation.ts";
import { add, clip, mul, sub } from "./arithmetic.ts";
import { matmul } from "./linear.ts";
import { cast, greater, less, where } from "./logic.ts";
import { relu, sigmoid, softplus, tanh } from "./math.ts";
import { concat, expand, split, transpose } from "./movement.ts";
import type { Activation, ActivationName, Recurrent } from "./recurrent.ts";
import { reshape, squeeze, unsqueeze } from "./reshape.ts";
import { scan } from "./scan.ts";
import { positions, sizeOf } from "./sizes.ts";

type Numbers = Pick<Activation, "alpha" | "beta">;

const activate: Readonly<Record<ActivationName, (x: Value, numbers: Numbers) => Value>> = {
  Relu: relu,
  Tanh: tanh,
  Sigmoid: sigmoid,
  Affine: (x, { alpha, beta }) => add(mul(x, alpha), beta),
  LeakyRelu: (x, { alpha }) => leakyRelu(x, { alpha }),
  ThresholdedRelu: (x, { alpha }) => where(greater(x, alpha), x, 0),
  ScaledTanh: (x, { alpha, beta }) => mul(tanh(mul(x, beta)), alpha),
  HardSigmoid: (x, { alpha, beta }) => hardSigmoid(x, { alpha, beta }),
  Elu: (x, { alpha }) => elu(x, { alpha }),
  Softsign: softsign,
  Softplus: softplus,
};

/** One direction of a recurrent operator: its weights, and functions for its activations. */
interface Cell {
  /** [gates hidden, hidden] transposed. */
  readonly recurrent: Value;
  /** [gates hidden] each; undefined for zeros. */
  readonly inputBias: Value | undefined;
  readonly recurrentBias: Value | undefined;
  readonly peepholes: Value | undefined;
  readonly activations: readonly ((x: Value) => Value)[];
}

/** What a cell makes of one step: the next states, the first of which goes out. */
interface Steps {
  /** What is added to the product with the input weights before the steps. */
  readonly bias: Value | undefined;
  readonly step: (states: readonly Value[], fromInput: Value) => readonly Value[];
}

/** The expansion of a recurrent operator: the product with the input weights is one for all steps, and a
 * Scan goes through them. */
function expansion<Normal extends Recurrent>(
  stateCount: 1 | 2,
  cellOf: (cell: Cell, normal: Normal) => Steps,
): Expansion<Normal> {
  return (inputs, normal) => {
    const [given, w, r, b, lens, initialH, initialC, peepholes] = inputs as [
      Value,
      Value,
      Value,
      ...(Value | undefined)[],
    ];
    const { direction, batchFirst, clip: bound } = normal;
    const swap = (value: Value) => transpose(value, [1, 0, 2]);
    const x = batchFirst ? swap(given) : given;
    const inits = [initialH, initialC].slice(0, stateCount);
    const counts = lens && stepsThatCount(x, lens);
    const reversals = direction === "bidirectional" ? [false, true] : [direction === "reverse"];
    const each = normal.activations.length / reversals.length;
    // Not by Gather, whose gradient would scatter into zeros.
    const apart = (value: Value) =>
      split(value, { parts: reversals.length }).map((part) => squeeze(part, 0));
    const cut = new Map(
      [w, r, b, peepholes].flatMap((value) => (value ? [[value, apart(value)] as const] : [])),
    );
    const starts = inits.map((init) => init && apart(batchFirst ? swap(init) : init));
    const runs = reversals.map((reverse, d) => {
      const of = (value: Value) => cut.get(value)?.[d] as Value;
      const [inputBias, recurrentBias] = b === undefined ? [] : split(of(b), { parts: 2 });
      const activations = normal.activations
        .slice(d * each, (d + 1) * each)
        .map((activation, k) => (value: Value) => {
          // ONNX Runtime bounds what goes into the gates, and not the cell of an LSTM on its way out.
          const open = bound === undefined || k === 2;
          const kept = open ? value : clip(value, -bound, bound);
          return activate[activation.name](kept, activation);
        });
      const recurrent = transpose(of(r), [1, 0]);
      const cell = cellOf(
        {
          recurrent,
          inputBias,
          recurrentBias,
          peepholes: peepholes && of(peepholes),
          activations,
        },
        normal,
      );
      const product = matmul(x, transpose(of(w), [1, 0]));
      const fromInput = cell.bias === undefined ? product : add(product, cell.bias);
      const start = starts.map((parts) => parts?.[d] ?? noState(x, r));
      return run(start, fromInput, counts, cell.step, reverse);
    });
    const beside = (k: number, axis: number) =>
      concat(
        runs.map((results) => unsqueeze(results[k] as Value, axis)),
        { axis },
      );
    const ends = Array.from({ length: stateCount }, (_, k) => beside(k, 0));
    const all = beside(stateCount, 1);
    if (!batchFirst) return [all, ...ends];
    return [transpose(all, [2, 0, 1, 3]), ...ends.map(swap)];
  };
}

/** The last states, then all of the first state. */
function run(
  start: readonly Value[],
  fromInput: Value,
  counts: Value | undefined,
  step: Steps["step"],
  reverse: boolean,
): Value[] {
  const sequences = counts === undefined ? [fromInput] : [fromInput, counts];
  return scan(
    start,
    sequences,
    (states, [part, inside]) => {
      const next = step(states, part as Value);
      const [out] = next as [Value];
      if (inside === undefined) return { state: next, collect: [out] };
      return {
        state: next.map((value, k) => where(inside, value, states[k] as Value)),
        collect: [where(inside, out, 0)],
      };
    },
    { reverse },
  );
}

/** [steps, batch, 1]: whether a step lies within its sequence. */
function stepsThatCount(x: Value, lens: Value): Value {
  const step = reshape(positions(x, 0), [-1, 1, 1]);
  return less(step, reshape(cast(lens, "int64"), [1, -1, 1]));
}

function noState(x: Value, r: Value): Value {
  return expand(x.graph.constant(0, x.dtype), [sizeOf(x, 1), sizeOf(r, 2)]);
}

function plus(a: Value, b: Value | undefined): Value {
  return b === undefined ? a : add(a, b);
}

function bothBiases({ inputBias, recurrentBias }: Cell): Value | undefined {
  return inputBias && add(inputBias, recurrentBias as Value);
}

export const rnnExpansion: Expansion<OperatorTable["RNN"]> = expansion(1, (cell) => ({
  bias: bothBiases(cell),
  step: ([h], fromInput) => {
    const [f] = cell.activations as [(x: Value) => Value];
    return [f(add(fromInput, matmul(h as Value, cell.recurrent)))];
  },
}));

export const gruExpansion: Expansion<OperatorTable["GRU"]> = expansion<OperatorTable["GRU"]>(
  1,
  (cell, { linearBeforeReset }) => {
    const [f, g] = cell.activations as [(x: Value) => Value, (x: Value) => Value];
    const { recurrent, recurrentBias } = cell;
    const mix = (z: Value, candidate: Value, h: Value) => add(candidate, mul(z, sub(h, candidate)));
    if (linearBeforeReset) {
      return {
        bias: cell.inputBias,
        step: ([h], fromInput) => {
          const before = plus(matmul(h as Value, recurrent), recurrentBias);
          const [xz, xr, xh] = split(fromInput, { axis: -1, parts: 3 }) as Triple;
          const [hz, hr, hh] = split(before, { axis: -1, parts: 3 }) as Triple;
          const candidate = g(add(xh, mul(f(add(xr, hr)), hh)));
          return [mix(f(add(xz, hz)), candidate, h as Value)];
        },
      };
    }
    const [rz, rr, rh] = split(recurrent, { axis: -1, parts: 3 }) as Triple;
    const gates = concat([rz, rr], { axis: -1 });
    return {
      bias: bothBiases(cell),
      step: ([h], fromInput) => {
        const state = h as Value;
        const [xz, xr, xh] = split(fromInput, { axis: -1, parts: 3 }) as Triple;
        const [hz, hr] = split(matmul(state, gates), { axis: -1, parts: 2 }) as [Value, Value];
        const candidate = g(add(xh, matmul(mul(f(add(xr, hr)), state), rh)));
        return [mix(f(add(xz, hz)), candidate, state)];
      },
    };
  },
);

type Triple = [Value, Value, Value];

export const lstmExpansion: Expansion<OperatorTable["LSTM"]> = expansion<OperatorTable["LSTM"]>(
  2,
  (cell, { inputForget }) => {
    const [f, g, h] = cell.activations as [
      (x: Value) => Value,
      (x: Value) => Value,
      (x: Value) => Value,
    ];
    const peeps = cell.peepholes && split(cell.peepholes, { parts: 3 });
    const peep = (gate: Value, k: number, memory: Value) =>
      peeps === undefined ? gate : add(gate, mul(memory, peeps[k] as Value));
    return {
      bias: bothBiases(cell),
      step: ([state, memory], fromInput) => {
        const sum = add(fromInput, matmul(state as Value, cell.recurrent));
        const [xi, xo, xf, xc] = split(sum, { axis: -1, parts: 4 }) as [...Triple, Value];
        const old = memory as Value;
        const input = f(peep(xi, 0, old));
        const forget = inputForget ? sub(1, input) : f(peep(xf, 2, old));
        const next = add(mul(forget, old), mul(input, g(xc)));
        return [mul(f(peep(xo, 1, next)), h(next)), next];
      },
    };
  },
);
