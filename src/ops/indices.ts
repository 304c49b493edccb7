import type { DType } from "../builder/dtype.ts";
import type { Graph } from "../builder/graph.ts";
import {
  add,
  cast,
  equal,
  range,
  type Size,
  sizeOf,
  unsqueeze,
} from "../builder/operators/index.ts";
import type { Value } from "../builder/value.ts";

/** Vectors up to this length are constants, which are shared; longer ones are computed by the model. */
const LONGEST_CONSTANT = 64;

/** 0, 1, …, n - 1 as an int64 vector. */
export function iota(graph: Graph, n: Size): Value {
  if (typeof n === "number" && n <= LONGEST_CONSTANT) {
    return int64Vector(
      graph,
      Array.from({ length: n }, (_, i) => i),
    );
  }
  return range(0, typeof n === "number" ? graph.constant(n, [], "int64") : n);
}

export function int64Vector(graph: Graph, elements: readonly number[]): Value {
  return graph.constant([...elements], [elements.length], "int64");
}

/** A vector of whole numbers, as a constant where the builder knows them. */
export function folded(integers: Value): Value {
  const { elements, graph } = integers;
  return isKnown(elements) ? int64Vector(graph, elements) : integers;
}

/** A vector of whole numbers as floats: a constant where the builder knows them. */
export function asFloats(integers: Value, dtype: DType): Value {
  const { elements, graph } = integers;
  if (!isKnown(elements)) return cast(integers, dtype);
  return graph.constant([...elements], [elements.length], dtype);
}

/** The same as a column, [k, 1]. */
export function asColumn(integers: Value, dtype: DType): Value {
  const { elements, graph } = integers;
  if (!isKnown(elements)) return unsqueeze(cast(integers, dtype), -1);
  return graph.constant([...elements], [elements.length, 1], dtype);
}

/** [..., n] as [..., 1, n]; a vector broadcasts as it is. */
export function asRow(x: Value): Value {
  return x.rank === 1 ? x : unsqueeze(x, -2);
}

function isKnown(elements: Value["elements"]): elements is readonly number[] {
  return elements?.every((element) => typeof element === "number") ?? false;
}

/** 1, 2, …, n as floats, for the last axis of x. */
export function numbersFrom1(x: Value): Value {
  return asFloats(add(iota(x.graph, sizeOf(x, -1)), 1), x.dtype);
}

/** 1 at the index, 0 elsewhere, along a new last axis of size n. */
export function oneHot(indices: Value, n: Size, dtype: DType): Value {
  return cast(equal(unsqueeze(indices, -1), iota(indices.graph, n)), dtype);
}
