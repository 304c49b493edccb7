import type { Graph } from "../../builder/graph.ts";
import { isValue } from "../../builder/lift.ts";
import { cast } from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import type { Schedule } from "../schedules.ts";
import { freeName } from "../state.ts";
import type { Rate } from "./optimizer.ts";

/** Rates as scalars of the parameters' types; each schedule gets one input. */
export class Rates {
  readonly #graph: Graph;
  readonly #schedules: Map<string, Schedule>;
  readonly #inputs = new Map<Schedule, Value>();

  constructor(graph: Graph, schedules: Map<string, Schedule>) {
    this.#graph = graph;
    this.#schedules = schedules;
  }

  of(rate: Rate, { dtype }: Value): Value {
    if (typeof rate === "number") return this.#graph.constant(rate, dtype);
    const value = isValue(rate) ? rate : this.#inputFor(rate, dtype === "float64");
    return value.dtype === dtype ? value : cast(value, dtype);
  }

  #inputFor(schedule: Schedule, double: boolean): Value {
    const known = this.#inputs.get(schedule);
    if (known !== undefined) return known;
    const name = freeName(this.#graph, "rate");
    const input = this.#graph.input(name, double ? "float64" : "float32", []);
    this.#inputs.set(schedule, input);
    this.#schedules.set(name, schedule);
    return input;
  }
}
