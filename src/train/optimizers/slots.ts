import type { Graph } from "../../builder/graph.ts";
import type { Value } from "../../builder/value.ts";
import { stateParameter } from "../state.ts";
import type { Gate } from "./accumulate.ts";
import type { Kept, Slot } from "./optimizer.ts";

/** The states of one training step. */
export class Slots {
  readonly #graph: Graph;
  readonly #name: string;
  readonly #gate: Gate;
  readonly #scalars = new Map<string, Kept>();

  /** @param name of the optimizer */
  constructor(graph: Graph, name: string, gate: Gate) {
    this.#graph = graph;
    this.#name = name;
    this.#gate = gate;
  }

  of(
    parameter: Value,
    gradient: Value,
    { rate, weightDecay }: { readonly rate: Value; readonly weightDecay: number },
  ): Slot {
    const { dtype, hint } = parameter;
    const shape = parameter.shape as readonly number[];
    const state = (name: string, initial: number) =>
      stateParameter(this.#graph, `${hint}/${this.#name}_${name}`, initial, shape, dtype);
    return {
      parameter,
      gradient,
      rate,
      weightDecay,
      keep: (name, initial, next) => this.#kept(state(name, initial), next),
      keepAll: (initial, next) => {
        const names = Object.keys(initial) as (keyof typeof initial)[];
        const old = Object.fromEntries(names.map((name) => [name, state(name, initial[name])]));
        const becomes = next(old as Readonly<Record<keyof typeof initial, Value>>);
        for (const name of names) this.#gate.update(old[name] as Value, becomes[name]);
      },
      keepScalar: (name, initial, next) => {
        const key = `${name} ${dtype}`;
        const known = this.#scalars.get(key);
        if (known !== undefined) return known;
        const old = stateParameter(this.#graph, `${this.#name}/${name}`, initial, [], dtype);
        const kept = this.#kept(old, next);
        this.#scalars.set(key, kept);
        return kept;
      },
    };
  }

  #kept(old: Value, change: (old: Value) => Value): Kept {
    const next = change(old);
    this.#gate.update(old, next);
    return { old, next };
  }
}
