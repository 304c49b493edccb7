type Core = typeof import("../src/core.ts");

/** A program that has "softonnx/core" alone: its imports of "softonnx" are of that. */
function inCoreAlone(program: (core: Core) => void): void {
  jest.isolateModules(() => {
    jest.doMock("softonnx", () => jest.requireActual("../src/core.ts"));
    program(require("../src/core.ts"));
  });
}

test("every soft operator and its gradient are written, method by method and mode by mode", () => {
  inCoreAlone(() => {
    const { spread } = require("./export/spread.ts");
    expect([...spread()].length).toBeGreaterThan(200);
  });
});

test("gradients of gradients too", () => {
  inCoreAlone(({ Graph, grad, soft }) => {
    for (const method of ["softsort", "neuralsort", "fastSoftSort", "sortingNetwork"] as const) {
      const x = new Graph("second").input("x", "float64", [4]);
      const [dx] = grad(soft.sort(x, { method }).mul([4, 3, 2, 1]).sum(), [x]) as [typeof x];
      const [ddx] = grad(dx.mul([1, 2, 3, 4]).sum(), [x]);
      expect(ddx?.shape).toEqual([4]);
    }
  });
});

test("what is not there says where it is", () => {
  inCoreAlone(({ Graph, grad }) => {
    expect(() => Graph.fromModel(new Uint8Array())).toThrow(
      'fromModel: softonnx/core does not read models; import "softonnx" as well, which does',
    );
    const g = new Graph("network");
    const x = g.input("x", "float32", [4]);
    const types = [{ dtype: "float32", shape: [4] }] as const;
    const [y] = g.node("Elu", [x], {}, { types }) as [typeof x];
    expect(() => grad(y.sum(), [x])).toThrow(
      'softonnx/core has no rule for it; import "softonnx" as well',
    );
  });
});

test("it is a part of softonnx, in the same modules", () => {
  const core: Record<string, unknown> = jest.requireActual("../src/core.ts");
  const whole: Record<string, unknown> = jest.requireActual("../src/index.ts");
  expect(Object.keys(core).filter((name) => core[name] !== whole[name])).toEqual([]);
});
