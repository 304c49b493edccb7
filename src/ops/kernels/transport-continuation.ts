import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { identityFor } from "./transport-linear.ts";
import { newtonStep, project, type Step, type Transport } from "./transport-newton.ts";
import { allOf, anywhere, countOf, largest, turned, withoutMass } from "./transport-parts.ts";
import { rowPotentials } from "./transport-projection.ts";
import { rootOf } from "./transport-regularizer.ts";

/** Each stage of the continuation divides the softness by this. */
const STAGE_FACTOR = 4;

/** A stage before the last ends when the relative error of the columns is below this, or after some steps. */
const STAGE_ERROR = 0.1;
const STAGE_STEPS = 10;

/** The last stage ends after so many steps that did not halve the error. */
const IDLE_STEPS = 25;

/** Below this error one such step means that rounding is reached. */
const STALL_ERROR = 1e-9;

/** What the iteration keeps of each problem. f and g are in units of the softness. */
interface State {
  readonly f: Value;
  readonly g: Value;
  /** The best of this stage. */
  readonly bestF: Value;
  readonly bestG: Value;
  readonly bestError: Value;
  /** The softness of this stage. */
  readonly softness: Value;
  /** The largest error of the columns relative to the largest mass. */
  readonly error: Value;
  /** The error by entries when it was last halved, and the steps since. */
  readonly mark: Value;
  readonly idle: Value;
  /** Steps in this stage, and in all. */
  readonly age: Value;
  readonly steps: Value;
  /** Whether there is more to do. */
  readonly active: Value;
}

/** The potentials of a batch of problems in units of the cost.
 *
 * Dual Newton on g, with f eliminated exactly, at a softness that falls in stages from one at which the
 * plan is dense. One round of the loop is one step; problems that are done stay as they are. */
export function solvePotentials(problem: Transport): { f: Value; g: Value; steps: Value } {
  const { cost, mode, maxIterations } = problem;
  const eye = identityFor(cost);
  const costT = mode === "smooth" ? undefined : turned(cost);
  const init = startOf(problem);
  const names = Object.keys(init) as (keyof State)[];
  const named = (values: readonly Value[]) =>
    Object.fromEntries(names.map((name, i) => [name, values[i]])) as unknown as State;
  const last = op.loop(maxIterations, Object.values(init), (_, ...values) => {
    const state = named(values);
    const stage = stageOf(problem, state);
    const scaled = op.div(cost, stage.softness);
    const scaledT = costT === undefined ? undefined : op.div(costT, stage.softness);
    const point = project(problem, scaled, scaledT, stage);
    const step = newtonStep(problem, scaled, point, eye);
    const next = after(problem, state, stage, step);
    return { state: names.map((name) => next[name]), proceed: anywhere(next.active) };
  });
  const { bestF, bestG, softness, steps } = named(last);
  const exact = attachSmallColumns(problem, op.div(cost, softness), bestF, bestG);
  return { f: op.mul(bestF, softness), g: op.mul(exact, softness), steps };
}

function startOf(problem: Transport): State {
  const { cost, softness, wanted } = problem;
  const first = op.where(wanted, firstSoftness(problem), softness);
  const none = op.mul(first, 0);
  const infinite = op.add(none, Number.POSITIVE_INFINITY);
  const [f, g] = [op.mul(largest(cost, 2), 0), op.mul(largest(cost, 1), 0)];
  return {
    f,
    g,
    bestF: f,
    bestG: g,
    bestError: infinite,
    softness: first,
    error: op.add(none, 1),
    mark: infinite,
    idle: none,
    age: none,
    steps: none,
    active: wanted,
  };
}

/** Where a step starts. */
interface Stage {
  readonly f: Value;
  readonly g: Value;
  readonly softness: Value;
  /** Whether a stage begins. */
  readonly begins: Value;
}

function stageOf({ softness }: Transport, state: State): Stage {
  const begins = op.and(
    op.greater(state.softness, softness),
    op.or(op.less(state.error, STAGE_ERROR), op.greaterOrEqual(state.age, STAGE_STEPS)),
  );
  const lowered = op.max(op.div(state.softness, STAGE_FACTOR), softness);
  const next = op.where(begins, lowered, state.softness);
  const ratio = op.div(state.softness, next);
  return { f: op.mul(state.f, ratio), g: op.mul(state.g, ratio), softness: next, begins };
}

function after({ softness }: Transport, state: State, stage: Stage, step: Step): State {
  const { active } = state;
  const ofStage = (error: Value) => op.where(stage.begins, Number.POSITIVE_INFINITY, error);
  const [bestError, mark] = [ofStage(state.bestError), ofStage(state.mark)];
  const halved = op.less(step.entryError, op.mul(mark, 0.5));
  const idle = op.where(halved, 0, op.add(state.idle, 1));
  const one = op.add(op.mul(idle, 0), 1);
  const patience = op.where(op.less(step.entryError, STALL_ERROR), one, IDLE_STEPS);
  const ended = op.or(step.settled, op.greaterOrEqual(idle, patience));
  const done = op.and(op.lessOrEqual(stage.softness, softness), ended);
  const keep = (next: Value, name: keyof State) => op.where(active, next, state[name]);
  const better = op.and(active, op.less(step.entryError, bestError));
  return {
    f: keep(step.f, "f"),
    g: keep(step.g, "g"),
    bestF: op.where(better, step.f, state.bestF),
    bestG: op.where(better, step.g, state.bestG),
    bestError: keep(op.min(bestError, step.entryError), "bestError"),
    softness: keep(stage.softness, "softness"),
    error: keep(step.error, "error"),
    mark: keep(op.where(halved, step.entryError, mark), "mark"),
    idle: keep(idle, "idle"),
    age: keep(op.add(op.where(stage.begins, 0, state.age), 1), "age"),
    steps: op.add(state.steps, op.cast(active, "float64")),
    active: allOf(active, op.not(done), op.lessOrEqual(step.error, 1e200)),
  };
}

/** Columns that stand for none are wrong by up to 1% of the mean; to correct them changes no row. */
function attachSmallColumns({ b, mode }: Transport, cost: Value, f: Value, g: Value): Value {
  const small = withoutMass(b, 2);
  return op.ifElse(
    anywhere(small),
    () => {
      const v = turned(op.sub(f, cost));
      const exact = turned(rowPotentials(v, turned(b), turned(g), mode));
      return [op.where(small, exact, g)];
    },
    () => [op.identity(g)],
  )[0] as Value;
}

/** The softness at which every cell of the plan is positive, or nearly so in mode smooth. */
function firstSoftness({ cost, softness, mode }: Transport): Value {
  const range = largest(cost, [1, 2]);
  const cells = op.mul(countOf(cost, 1), countOf(cost, 2));
  const dense = mode === "smooth" ? range : op.mul(range, rootOf(cells, mode));
  return op.where(op.greater(dense, softness), dense, softness);
}
