import { type Attributes, attribute } from "../block.ts";
import { broadcastShapes, type Dim, formatShape, type Shape, sameDim } from "../dim.ts";
import { checkOptions, failArgument, GraphError } from "../errors.ts";
import { liftAll, type Operand } from "../lift.ts";
import { floatOf, inputOf, intOf, type NodeFacts, none, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { requireOpset } from "./axes.ts";
import { checkType, emitOne, optionalInt, sameType } from "./emit.ts";
import { squeeze, unsqueeze } from "./reshape.ts";

/** Options of gemm. */
export interface GemmOptions {
  /** Factor of the product. Default 1. */
  readonly alpha?: number;
  /** Factor of c. Default 1. */
  readonly beta?: number;
  /** Transpose a first. Default false. */
  readonly transA?: boolean;
  /** Transpose b first. Default false. */
  readonly transB?: boolean;
}

/** The matrix product over the last two axes, broadcast over those before; a vector is a row on the left
 * and a column on the right, as in NumPy.
 *
 * @throws GraphError if the inner dimensions differ or an operand is a scalar */
export function matmul(a: Operand, b: Operand): Value {
  const [x, y] = liftAll("matmul", { a, b }) as [Value, Value];
  // ONNX Runtime (1.17 to 1.30, default optimisation level) computes MatMul(Transpose(A), v) with a
  // vector v as if A were not transposed, and sees a Transpose also where arithmetic, an Identity or a
  // Reshape stands between. With v as a column it is right.
  const plain = x.origin.kind !== "node" || x.shape?.length === 1;
  if (plain || (y.shape !== undefined && y.shape.length !== 1)) {
    return emitOne("MatMul", [x, y], {}, "matmul");
  }
  if (y.shape === undefined) {
    throw new GraphError("matmul", `the rank of b must be known beside a computed a; b is ${y}`);
  }
  if (sameDim(x.shape?.at(-1), y.shape[0]) === false) throw innerDiffer("matmul", x.shape, y.shape);
  return squeeze(emitOne("MatMul", [x, unsqueeze(y, 1)], {}, "matmul"), -1);
}

/** alpha a b + beta c for matrices, either transposed first; c broadcasts to the result.
 *
 * @throws GraphError if the inner dimensions differ, an operand is no matrix or c does not fit */
export function gemm(a: Operand, b: Operand, c?: Operand, options: GemmOptions = {}): Value {
  checkOptions("gemm", options, ["alpha", "beta", "transA", "transB"]);
  const inputs = liftAll("gemm", c === undefined ? { a, b } : { a, b, c });
  const { alpha = 1, beta = 1, transA = false, transB = false } = options;
  if (c === undefined) requireOpset("gemm", (inputs[0] as Value).graph, 11, "leaving out c");
  const attributes = {
    ...optionalFloat("alpha", alpha),
    ...optionalFloat("beta", beta),
    ...optionalInt("transA", transA, 0),
    ...optionalInt("transB", transB, 0),
  };
  return emitOne("Gemm", inputs, attributes, "gemm");
}

function optionalFloat(name: string, value: number): Attributes {
  return value === 1 ? {} : { [name]: attribute.float(value) };
}

function productShape(node: NodeFacts, a: Value, b: Value): Shape | undefined {
  if (a.shape === undefined || b.shape === undefined) return undefined;
  if (a.shape.length === 0) failArgument(node.operator, "a", "a vector or matrices", a);
  if (b.shape.length === 0) failArgument(node.operator, "b", "a vector or matrices", b);
  const inner = b.shape.length === 1 ? b.shape[0] : b.shape.at(-2);
  if (sameDim(a.shape.at(-1), inner) === false) throw innerDiffer(node.operator, a.shape, b.shape);
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if ("clash" in batch) {
    throw new GraphError(
      node.operator,
      `leading dimensions do not broadcast: a is ${formatShape(a.shape)}, b is ${formatShape(b.shape)}`,
    );
  }
  const rows = a.shape.length === 1 ? [] : [a.shape.at(-2)];
  const columns = b.shape.length === 1 ? [] : [b.shape.at(-1)];
  return [...(batch.shape as Shape), ...rows, ...columns];
}

function innerDiffer(operator: string, a: Shape | undefined, b: Shape): GraphError {
  return new GraphError(
    operator,
    `inner dimensions differ: a is ${formatShape(a)}, b is ${formatShape(b)}`,
  );
}

/** Rows and columns of a matrix operand of Gemm, after its transposition. */
function matrixDims(node: NodeFacts, name: string, value: Value, transposed: boolean): [Dim, Dim] {
  const { shape } = value;
  if (shape === undefined) return [undefined, undefined];
  if (shape.length !== 2) failArgument(node.operator, name, "a matrix", value);
  return transposed ? [shape[1], shape[0]] : [shape[0], shape[1]];
}

export const linearSchemas: Schemas<"MatMul" | "Gemm"> = {
  MatMul: {
    arity: 2,
    normal: none,
    infer: (node) => {
      const [a, b] = [inputOf(node, 0), inputOf(node, 1)];
      checkType(node.operator, "a", a, "numeric");
      return [{ dtype: sameType(node, [a, b]), shape: productShape(node, a, b) }];
    },
  },
  Gemm: {
    arity: [2, 3],
    normal: (node) => ({
      alpha: floatOf(node, "alpha", 1),
      beta: floatOf(node, "beta", 1),
      transA: intOf(node, "transA", 0) !== 0,
      transB: intOf(node, "transB", 0) !== 0,
    }),
    infer: (node, { transA, transB }) => {
      const [a, b, c] = [inputOf(node, 0), inputOf(node, 1), node.inputs[2]];
      checkType(node.operator, "a", a, "numeric");
      const dtype = sameType(node, c === undefined ? [a, b] : [a, b, c]);
      const [rows, inner] = matrixDims(node, "a", a, transA);
      const [depth, columns] = matrixDims(node, "b", b, transB);
      if (sameDim(inner, depth) === false)
        throw innerDiffer(node.operator, [rows, inner], [depth, columns]);
      const shape = [rows, columns];
      // c broadcasts to the product, never the other way.
      const wide = c?.shape?.some((dim, i, { length }) => {
        const whole = shape[i - length + 2];
        return dim !== 1 && (length - i > 2 || sameDim(dim, whole) === false);
      });
      if (wide)
        failArgument(node.operator, "c", `a shape that broadcasts to ${formatShape(shape)}`, c);
      return [{ dtype, shape }];
    },
  },
};
