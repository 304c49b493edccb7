import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { columnSums } from "../column-means.ts";
import { first } from "../first.ts";
import { asFloats, int64Vector, iota, numbersFrom1 } from "../indices.ts";
import { planExponents, transportPlan } from "../kernels/transport-plan.ts";
import { marginalOf, scalarSoftness, solveTransport } from "../marginals.ts";
import { logOf } from "../simplex.ts";
import type { Neighbors, OrderRequest, Positions, RowsRequest, SoftMethod } from "./method.ts";

/** Optimal transport (Cuturi, Teboul and Vert 2019, arXiv 1905.11885): each of the n entries has mass 1/n
 * and is carried to anchors between 0 and 1, at a cost of the squared distance, regularised as the mode
 * says. What an anchor receives, times n, is its row of the soft permutation. Anchors and masses are those
 * of Paulus et al. 2026 (arXiv 2603.08824): for a whole sort an anchor for every position; for the first k
 * entries k anchors of mass 1/n and one for the rest; for a quantile one anchor for what is below, one or
 * two for its neighbours, and one for what is above. Masses of 0 count as 1e-12.
 *
 * Solved in float64 whatever the type of x: in float32 potentials are too coarse at small softness. */
export const ot: SoftMethod = { rows, ranks };

function rows({ log, ...request }: RowsRequest): Value {
  const { x, mode, positions } = request;
  const { plan, exponents, arrange } = transported(request, targetsOf(x, positions));
  const n = sizeAsFloat(x);
  if (log && mode === "smooth") {
    return op.cast(arrange(op.add(exponents(), op.log(n))), x.dtype);
  }
  const shares = op.mul(plan(), n);
  return op.cast(arrange(log ? logOf(shares) : shares), x.dtype);
}

/** Each entry is spread over the positions; its rank is their mean. */
function ranks(request: OrderRequest): Value {
  const { x } = request;
  const { plan, arrange } = transported(request, sortTargets(x));
  const shares = arrange(op.mul(plan(), sizeAsFloat(x)));
  return op.cast(columnSums(numbersFrom1(shares), shares), x.dtype);
}

/** Where the mass of the entries goes. */
interface Targets {
  /** Positions in rising order, float64 [m]. */
  readonly anchors: Value;
  /** Masses of the anchors, float64 [1, m], or [q, m] for q problems with each row of x. */
  readonly masses: Value;
  /** How many problems there are with each row of x. */
  readonly problems: op.Size;
  /** The anchors whose rows are wanted: from the first to before the second; undefined for all. */
  readonly wanted: readonly [number, number] | undefined;
  /** How many rows of the result those of all problems are; undefined for a single one without an axis. */
  readonly count: op.Size | undefined;
}

function targetsOf(x: Value, positions: Positions): Targets {
  switch (positions.kind) {
    case "all":
      return sortTargets(x);
    case "first":
      return firstTargets(x, positions.count, onesFor(x, positions.count));
    case "top":
      return { ...firstTargets(x, 1, int64Vector(x.graph, [1])), count: undefined };
    case "at":
      return quantileTargets(x, positions.neighbors);
  }
}

function sortTargets(x: Value): Targets {
  const n = op.sizeOf(x, -1);
  const masses = op.unsqueeze(uniformMarginal(x), 0);
  return { anchors: evenly(x, n), masses, problems: 1, wanted: undefined, count: n };
}

/** k ones; a model that learns only at run time that there are fewer entries fails there. */
function onesFor(x: Value, k: number): Value {
  const n = op.sizeOf(x, -1);
  if (typeof n === "number") return int64Vector(x.graph, Array(k).fill(1));
  return op.add(op.mul(first(iota(x.graph, n), k, 0), 0), 1);
}

/** An anchor of mass 1/n for each of the first k, and one for the rest, where there is a rest.
 *
 * @param ones int64 [k] */
function firstTargets(x: Value, k: number, ones: Value): Targets {
  const m = atMost(op.sizeOf(x, -1), k + 1);
  const counts = op.concat([ones, op.sub(sizeVectorOf(x), k)], { axis: 0 });
  const present = op.slice(counts, 0, m, { axes: 0 });
  const masses = op.unsqueeze(marginalOf(shareOf(x, present)), 0);
  return { anchors: evenly(x, m), masses, problems: 1, wanted: [0, k], count: k };
}

/** Three anchors, or four where a quantile lies between two entries. */
function quantileTargets(x: Value, { lower, next, both }: Neighbors): Targets {
  const ones = op.add(op.sub(lower, lower), 1);
  const middle = next === undefined ? [ones] : [ones, op.sub(next, lower)];
  const above = op.sub(op.sub(sizeVectorOf(x), 1), next ?? lower);
  const counts = op.concat([lower, ...middle, above], { axis: 0 });
  const m = middle.length + 2;
  const problems = op.sizeOf(lower, 0);
  return {
    anchors: evenly(x, m),
    masses: marginalOf(op.transpose(op.reshape(shareOf(x, counts), [m, -1]), [1, 0])),
    problems,
    wanted: [1, both ? 3 : 2],
    count: op.multiplySizes(problems, both ? 2 : 1),
  };
}

/** The wanted rows of a plan, [all problems, rows, n], the same before the regulariser's phi, and the way to
 * bring them to [..., rows, n] with the axes of x. */
function transported(request: OrderRequest, targets: Targets) {
  const { x, softness, mode } = request;
  const { masses, problems, wanted } = targets;
  const tau = scalarSoftness(x.graph, softness);
  const each = costOf(request, targets.anchors);
  const cost = perProblem(each, problems);
  const a = problems === 1 ? masses : perRow(masses, each, problems);
  const b = op.unsqueeze(uniformMarginal(x), 0);
  const { f, g } = solveTransport(cost, a, b, tau, mode);
  const pick = (value: Value) =>
    wanted === undefined ? value : op.slice(value, wanted[0], wanted[1], { axes: 1 });
  const solved = [pick(cost), pick(f), g, tau] as const;
  return {
    plan: () => transportPlan(...solved, mode),
    exponents: () => planExponents(...solved),
    arrange: (rows: Value) => arranged(x, rows, targets),
  };
}

/** What of (x_i - anchor_j)^2 a plan depends on, -2 x_i anchor_j: the rest is constant along an axis. For
 * the same reason x may be shifted, which keeps digits, and anchors mirrored. [batch, m, n] */
function costOf({ x, scale, descending }: OrderRequest, anchors: Value): Value {
  const rows = op.cast(x.rank === 2 ? x : op.reshape(x, [-1, op.sizeOf(x, -1)]), "float64");
  const middle = () => op.stopGradient(op.reduceMean(rows, { axes: 1, keepdims: true }));
  const entries = scale === undefined ? op.sub(rows, middle()) : rows;
  const slopes = op.mul(anchors, descending ? 2 : -2);
  return op.mul(op.unsqueeze(slopes, 1), op.unsqueeze(entries, 1));
}

/** The cost of each row of x for all of its problems. */
function perProblem(cost: Value, problems: op.Size): Value {
  if (problems === 1) return cost;
  const [batch, m, n] = op.sizesOf(cost) as [op.Size, op.Size, op.Size];
  return op.reshape(op.expand(op.unsqueeze(cost, 1), [batch, problems, m, n]), [-1, m, n]);
}

/** The masses of each problem for all rows of x. */
function perRow(masses: Value, cost: Value, problems: op.Size): Value {
  const [batch, m] = [op.sizeOf(cost, 0), op.sizeOf(masses, 1)];
  return op.reshape(op.expand(masses, [batch, problems, m]), [-1, m]);
}

function arranged(x: Value, rows: Value, { problems, wanted, count }: Targets): Value {
  const [leading, n] = [op.sizesOf(x).slice(0, -1), op.sizeOf(x, -1)];
  if (count === undefined) return op.reshape(rows, [...leading, n]);
  const each = wanted === undefined ? count : wanted[1] - wanted[0];
  if (problems === 1 || each === 1) return op.reshape(rows, [...leading, count, n]);
  const apart = op.reshape(rows, [-1, problems, each, n]);
  return op.reshape(op.transpose(apart, [0, 2, 1, 3]), [...leading, count, n]);
}

/** m numbers from 0 to 1, float64. */
function evenly(x: Value, m: op.Size): Value {
  const places = asFloats(iota(x.graph, m), "float64");
  const steps = typeof m === "number" ? m - 1 : op.sub(asFloats(m, "float64"), 1);
  return op.div(places, typeof steps === "number" ? Math.max(steps, 1) : op.max(steps, 1));
}

/** 1/n for each entry, float64 [n]. */
function uniformMarginal(x: Value): Value {
  const n = op.sizeOf(x, -1);
  return op.expand(op.div(1, sizeAsFloat(x)), [n]);
}

/** In floats: before opset 12 there is no minimum of integers. */
function atMost(size: op.Size, most: number): op.Size {
  if (typeof size === "number") return Math.min(size, most);
  return op.cast(op.min(op.cast(size, "float64"), most), "int64");
}

/** Numbers of entries as shares of all. */
function shareOf(x: Value, counts: Value): Value {
  return op.div(asFloats(counts, "float64"), sizeAsFloat(x));
}

function sizeAsFloat(x: Value): Value {
  return asFloats(sizeVectorOf(x), "float64");
}

function sizeVectorOf(x: Value): Value {
  const size = op.sizeOf(x, -1);
  return typeof size === "number" ? int64Vector(x.graph, [size]) : size;
}
