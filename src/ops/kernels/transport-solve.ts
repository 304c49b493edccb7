import {
  type Definition,
  defineFamily,
  type Pullback,
  SOFTONNX_DOMAIN,
} from "../../builder/definition.ts";
import { sameDim } from "../../builder/dim.ts";
import { GraphError } from "../../builder/errors.ts";
import * as op from "../../builder/operators/index.ts";
import type { Value } from "../../builder/value.ts";
import { identityFor, solveDefinite } from "./transport-linear.ts";
import { anywhere, safely, sizeScalar, sum, turned } from "./transport-parts.ts";

/** Squarings of the adjacency matrix at most; log2 of the longest path are needed. */
const MOST_SQUARINGS = 40;

/** What connects two columns counts if it is more than this share of all that connects the lesser of them to
 * others. Below, elimination leaves rounding in its place: what it fixes of u and v cannot be told. */
const LEAST_TIE = 1e-13;

/** Relative accuracy of conjugate gradients: derivatives of the result are results as well. */
const ACCURACY = 1e-13;

/** The pseudo-inverse of a bipartite graph's signless Laplacian, which is what derivatives of transport
 * need: u and v with
 *
 *     u_i sum_j W_ij + sum_j W_ij v_j = r_i,   sum_i W_ij u_i + v_j sum_i W_ij = s_j
 *
 * On each connected component of the support of W the equations fix u and v up to (1, -1), and have a
 * solution if r and s have equal sums there. What of (r, s) is against that is dropped, and of all
 * solutions the one of least norm is given: sum u = sum v on each component; 0 where W has an empty row or
 * column. Parts that only rounding would connect, by less than 1e-13 of what holds them together, count as
 * components.
 *
 * Method: the larger side is eliminated; Gauss-Jordan up to 16 unknowns, conjugate gradients above; the
 * components by squaring the adjacency matrix, where it is not full. O(n m^2 + m^3) for m <= n.
 *
 * Gradient: another such solve, y = L^+ (ubar, vbar), with Wbar_ij = -(y_i + y_j)(u_i + v_j).
 *
 * @param w float64 [batch, n, m], not negative
 * @param r float64 [batch, n]
 * @param s float64 [batch, m]
 * @returns u [batch, n] and v [batch, m] */
export function transportSolve(w: Value, r: Value, s: Value): { u: Value; v: Value } {
  const [u, v] = w.graph.emit({
    op: transportSolveDefinition.name,
    domain: SOFTONNX_DOMAIN,
    inputs: [w, r, s],
    operator: "transportSolve",
    definition: transportSolveDefinition,
    outputs: 2,
    hint: "adjoint",
  }).outputs as readonly [Value, Value];
  return { u, v };
}

const transportSolveDefinition: Definition = {
  name: "TransportSolve_float64",
  domain: SOFTONNX_DOMAIN,
  version: 1,
  inputs: ["w", "r", "s"],
  outputs: ["u", "v"],
  infer: ([w, r, s]) => infer(w as Value, r as Value, s as Value),
  body: ([w, r, s]) => body(w as Value, r as Value, s as Value),
  vjp,
  signature: [
    { dtype: "float64", shape: ["batch", "n", "m"] },
    { dtype: "float64", shape: ["batch", "n"] },
    { dtype: "float64", shape: ["batch", "m"] },
  ],
  life: "always",
};

defineFamily("TransportSolve", 1, (name) =>
  name === transportSolveDefinition.name ? transportSolveDefinition : undefined,
);

function infer(w: Value, r: Value, s: Value) {
  const [batch, n, m] = w.shape ?? [];
  const shapes = { w: [batch, n, m], r: [batch, n], s: [batch, m] };
  for (const [name, value] of Object.entries({ w, r, s })) {
    const wanted = shapes[name as keyof typeof shapes];
    const { shape } = value;
    const fits =
      shape === undefined ||
      (shape.length === wanted.length &&
        shape.every((dim, i) => sameDim(dim, wanted[i]) !== false));
    if (value.dtype !== "float64" || !fits) {
      throw new GraphError(
        "transportSolve",
        `${name}: expected float64 to go with ${w}, got ${value}`,
      );
    }
  }
  return [
    { dtype: "float64" as const, shape: shapes.r },
    { dtype: "float64" as const, shape: shapes.s },
  ];
}

function body(w: Value, r: Value, s: Value): Value[] {
  const [rows, columns] = [op.unsqueeze(r, 2), op.unsqueeze(s, 1)];
  const wide = op.greater(sizeScalar(w, 2), sizeScalar(w, 1));
  const [narrow, more, less] = op.ifElse(
    wide,
    () => [turned(w), turned(columns), turned(rows)],
    () => [op.identity(w), op.identity(rows), op.identity(columns)],
  ) as [Value, Value, Value];
  const solved = solve(narrow, { rows: more, columns: less });
  return op.ifElse(
    wide,
    () => [op.squeeze(solved.columns, 1), op.squeeze(solved.rows, 2)],
    () => [op.squeeze(solved.rows, 2), op.squeeze(solved.columns, 1)],
  );
}

/** Numbers on the rows, [batch, n, 1], and on the columns, [batch, 1, m]. */
interface Sides {
  readonly rows: Value;
  readonly columns: Value;
}

function solve(w: Value, right: Sides): Sides {
  const total = sum(w, 2);
  // Rows that sum to 1, or to 0 where W is empty.
  const shares = safely(w, total);
  const eye = identityFor(w);
  const gram = op.mul(op.matmul(turned(w), shares), op.sub(1, eye));
  // diag(W'1) - W' shares has the diagonal that makes its rows sum to 0: no cancellation.
  const diagonal = sum(gram, 1);
  const together = components(gram, diagonal, eye);
  const { rows, columns } = balance(right, shares, together);
  const reduced = op.sub(columns, op.matmul(turned(rows), shares));
  const positive = op.where(op.greater(diagonal, 0), diagonal, 1);
  const root = op.sqrt(positive);
  const scale = op.mul(root, turned(root));
  const gauge = op.div(op.mul(together, scale), op.matmul(positive, together));
  const matrix = op.add(op.sub(eye, op.div(gram, scale)), gauge);
  const x = solveDefinite(matrix, turned(op.div(reduced, root)), eye, ACCURACY);
  const v = op.div(turned(x), root);
  const u = safely(op.sub(rows, op.matmul(w, turned(v))), total);
  return balance({ rows: u, columns: v }, shares, together);
}

/** Which columns the support connects: 1 for two of the same component, [batch, m, m]. */
function components(gram: Value, diagonal: Value, eye: Value): Value {
  const least = op.mul(op.min(diagonal, turned(diagonal)), LEAST_TIE);
  const tied = op.greater(gram, least);
  const near = op.cast(op.or(tied, op.greater(eye, 0)), "float32");
  const [reached] = op.loop(
    MOST_SQUARINGS,
    [near],
    (_, known) => {
      const next = op.cast(op.greater(op.matmul(known, known), 0), "float32");
      return { state: [next], proceed: anywhere(op.greater(next, known)) };
    },
    { condition: anywhere(op.equal(near, 0)) },
  );
  return op.cast(reached as Value, "float64");
}

/** The orthogonal projection onto equal sums of rows and columns in every component. */
function balance({ rows, columns }: Sides, shares: Value, together: Value): Sides {
  const surplus = op.matmul(op.sub(op.matmul(turned(rows), shares), columns), together);
  const count = op.matmul(op.add(sum(shares, 1), 1), together);
  const part = op.div(surplus, count);
  const connected = op.greater(sum(shares, 2), 0);
  const left = op.sub(rows, op.matmul(shares, turned(part)));
  return { rows: op.where(connected, left, 0), columns: op.add(columns, part) };
}

function vjp(node: Pullback): (Value | undefined)[] {
  const w = node.input(0);
  const [u, v] = node.outputs as readonly [Value, Value];
  const ubar = node.cotangent(0) ?? op.zerosLike(u);
  const vbar = node.cotangent(1) ?? op.zerosLike(v);
  const y = transportSolve(w, ubar, vbar);
  const product = op.mul(spread(y.u, y.v), spread(u, v));
  return [node.wants(0) ? op.neg(product) : undefined, y.u, y.v];
}

/** u_i + v_j. */
function spread(u: Value, v: Value): Value {
  return op.add(op.unsqueeze(u, 2), op.unsqueeze(v, 1));
}
