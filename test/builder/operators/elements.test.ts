import { Graph } from "../../../src/builder/graph.ts";
import * as op from "../../../src/builder/operators/index.ts";
import type { Value } from "../../../src/builder/value.ts";
import { dependsOn, grad } from "../../../src/grad/index.ts";

/** A value float32 [b, n, 3] and the elements of its shape. */
function sizesOfX(): { readonly g: Graph; readonly x: Value; readonly s: Value } {
  const g = new Graph("sizes");
  const x = g.input("x", "float32", ["b", "n", 3]);
  return { g, x, s: op.shape(x) };
}

describe("Known sizes pass through", () => {
  const cases: Readonly<Record<string, readonly [(s: Value, g: Graph) => Value, unknown]>> = {
    Shape: [(s) => s, ["b", "n", 3]],
    "Gather of one": [(s) => op.gather(s, 1), ["n"]],
    "Gather of several": [(s) => op.gather(s, [-1, 0]), [3, "b"]],
    Slice: [(s) => op.slice(s, 1, Infinity), ["n", 3]],
    "Slice backwards": [(s) => op.slice(s, -1, -Infinity, { steps: -1 }), [3, "n", "b"]],
    Concat: [(s) => op.concat([s, [7]], { axis: 0 }), ["b", "n", 3, 7]],
    Split: [(s) => op.split(s, { sizes: [1, 2] })[1] as Value, ["n", 3]],
    Squeeze: [(s) => op.squeeze(op.slice(s, 1, 2), 0), ["n"]],
    Unsqueeze: [(s) => op.unsqueeze(op.gather(s, 0), 0), ["b"]],
    Reshape: [(s) => op.reshape(op.gather(s, 0), [1]), ["b"]],
    Cast: [(s) => op.cast(op.cast(s, "int32"), "int64"), undefined],
    Identity: [(s) => op.identity(s), ["b", "n", 3]],
    Add: [(s) => op.add(s, s), ["2*b", "2*n", 6]],
    "Mul with a scalar": [(s) => op.mul(s, op.gather(s, 1)), ["b*n", "n*n", "3*n"]],
    Sub: [(s) => op.sub(s, 1), ["b-1", "n-1", 2]],
    Div: [(s) => op.div(op.mul(s, 4), 2), ["2*b", "2*n", 6]],
    ConstantOfShape: [(_, g) => op.constantOfShape(g, [2], 9, "int64"), [9, 9]],
    Expand: [(s) => op.expand(op.gather(s, 1), [2]), ["n", "n"]],
    Range: [(_, g) => op.range(g.constant(1, "int64"), 8, 3), [1, 4, 7]],
    "Transpose of a vector": [(s) => op.transpose(s), ["b", "n", 3]],
  };

  test.each(Object.entries(cases))("%s", (_, [build, expected]) => {
    const { g, s } = sizesOfX();
    expect(build(s, g).elements).toEqual(expected);
  });

  test("but not into matrices, where no operator reads sizes", () => {
    const { s } = sizesOfX();
    expect(op.unsqueeze(s, 0).elements).toBeUndefined();
    expect(op.reshape(s, [3, 1]).elements).toBeUndefined();
  });

  test("and stop where a list is long", () => {
    const { g, s } = sizesOfX();
    expect(op.concat(new Array<Value>(30).fill(s), { axis: 0 }).elements).toBeUndefined();
    expect(op.range(g.constant(0, "int64"), 100).elements).toBeUndefined();
  });
});

describe("reshape", () => {
  test("infers the axis that is left from names", () => {
    const { x } = sizesOfX();
    expect(op.reshape(x, [-1, op.sizeOf(x, 1)]).shape).toEqual(["3*b", "n"]);
    expect(op.reshape(x, [op.sizeOf(x, 0), op.sizeOf(x, 1), -1]).shape).toEqual(["b", "n", 3]);
    expect(op.reshape(x, [-1, 3]).shape).toEqual(["b*n", 3]);
  });

  test("computes no size that follows from the others", () => {
    const { x, g } = sizesOfX();
    const before = g.root.nodes.length;
    const flat = op.reshape(x, [op.multiplySizes(op.sizeOf(x, 0), op.sizeOf(x, 1)), 3]);
    expect(flat.producer?.inputs[1]?.data?.toNumbers()).toEqual([-1, 3]);
    expect(g.root.nodes.length).toBeGreaterThan(before);
  });

  test("keeps a size that only claims to follow", () => {
    const g = new Graph("claims");
    const x = g.input("x", "float32", ["n", 3]);
    const y = g.input("y", "float32", ["m"]);
    const shaped = op.reshape(x, [op.sizeOf(y, 0), 3]);
    expect(shaped.shape).toEqual(["m", 3]);
    expect(shaped.producer?.inputs[1]?.producer?.op).toBe("Concat");
  });

  test("says which zeros are real", () => {
    const g = new Graph("zeros");
    const x = g.input("x", "float32", ["n", "m"]);
    const shaped = op.reshape(x, [op.sizeOf(x, 1), op.sizeOf(x, 0)]);
    expect(shaped.producer?.normal).toEqual({ allowzero: true });
    expect(op.reshape(x, [-1]).producer?.normal).toEqual({ allowzero: false });
  });
});

describe("What changes nothing is no node", () => {
  const same: Readonly<Record<string, (x: Value) => Value>> = {
    "reshape to the same shape": (x) => op.reshape(x, op.sizesOf(x)),
    "reshape to its own shape": (x) => op.reshape(x, op.shape(x)),
    "expand to the same shape": (x) => op.expand(x, op.shape(x)),
    "transpose in order": (x) => op.transpose(x, [0, 1, -1]),
    "reduce over no axes": (x) => op.reduceMax(x, { axes: [] }),
    "squeeze no axes": (x) => op.squeeze(x, []),
    "unsqueeze no axes": (x) => op.unsqueeze(x, []),
    "tile once": (x) => op.tile(x, [1, 1, 1]),
    "pad by nothing": (x) =>
      op.pad(x, [
        [0, 0],
        [0, 0],
        [0, 0],
      ]),
    "concat of one": (x) => op.concat([x], { axis: 0 }),
    "split in one": (x) => op.split(x, { parts: 1 })[0] as Value,
    "moveAxis to where it is": (x) => op.moveAxis(x, 2, -1),
  };

  test.each(Object.entries(same))("%s", (_, build) => {
    const { x } = sizesOfX();
    expect(build(x)).toBe(x);
  });
});

describe("A product with a vector", () => {
  const g = new Graph("products");
  const A = g.input("A", "float32", ["n", "m"]);
  const v = g.input("v", "float32", ["n"]);
  const w = g.input("w", "float32", ["m"]);

  test("is one node where the matrix is given", () => {
    const { op: name, inputs } = op.matmul(A, w).producer ?? {};
    expect([name, ...(inputs ?? [])]).toEqual(["MatMul", A, w]);
  });

  test("makes the vector a column where the matrix is computed", () => {
    const product = op.matmul(op.abs(A), w);
    expect(product.shape).toEqual(["n"]);
    expect(product.producer?.op).toBe("Squeeze");
    expect(product.producer?.inputs[0]?.producer?.inputs[1]?.shape).toEqual(["m", 1]);
  });

  test("reads the transposed matrix, so that it has a gradient of its own", () => {
    const transposed = op.transpose(A);
    const product = op.matmul(transposed, v);
    expect(product.producer?.inputs[0]?.producer?.inputs[0]).toBe(transposed);
    const [cotangent] = grad(op.reduceSum(product), [transposed]);
    expect(cotangent?.producer?.op).not.toBe("Expand");
    expect(dependsOn(product, transposed)).toBe(true);
  });
});

describe("An equation with ellipses", () => {
  const g = new Graph("ellipses");
  const x = g.input("x", "float32", [4, 1, 2, 3]);
  const y = g.input("y", "float32", [7, 3, 5]);
  const product = op.einsum("...ij,...jk->...ik", x, y);

  test("is written with a letter for each axis under them", () => {
    expect(product.shape).toEqual([4, 7, 2, 5]);
    expect(product.producer?.attributes.equation?.value).toBe("aij,bjk->abik");
  });

  test("drops axes of size 1 that broadcast", () => {
    expect(product.producer?.inputs[0]?.shape).toEqual([4, 2, 3]);
    expect(product.producer?.inputs[1]).toBe(y);
  });
});
