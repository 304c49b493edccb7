import {
  concat,
  gather,
  gatherElements,
  gatherND,
  type ScatterOptions,
  scatterElements,
  scatterND,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { type Row, testRows } from "./rows.ts";

const square = (x: Value) => x.mul(x);
const int = (x: Value, data: number[], dims: number[], dtype: "int64" | "int32" = "int64") =>
  x.graph.constant(data, dims, dtype);

describe("gather", () => {
  testRows([
    ["gather one", (x) => square(gather(x, 1)), [[3]]],
    ["gather one row", (x) => square(gather(x, -1)), [[3, 2]]],
    ["gather, the same twice", (x) => square(gather(x, [0, 2, 0])), [[3, 2]]],
    ["gather axis 1", (x) => square(gather(x, [2, 0, -1, 0], { axis: 1 })), [[2, 3]]],
    [
      "gather by a matrix",
      (x) =>
        square(
          gather(
            x,
            [
              [0, 1],
              [2, 2],
            ],
            { axis: 1 },
          ),
        ),
      [[2, 3, 2]],
    ],
    ["gather one of axis 1", (x) => square(gather(x, 0, { axis: 1 })), [[2, 3, 2]]],
    [
      "gather by int32",
      (x) => square(gather(x, int(x, [1, 1], [2], "int32"), { axis: -1 })),
      [[2, 3]],
    ],
    [
      "gatherElements",
      (x) =>
        square(
          gatherElements(x, [
            [0, 1],
            [2, 0],
            [0, 0],
          ]),
        ),
      [[3, 2]],
    ],
    [
      "gatherElements axis 1",
      (x) => square(gatherElements(x, [[0, 0, 2, -1]], { axis: 1 })),
      [[2, 3]],
    ],
    [
      "gatherElements unranked",
      (x) =>
        square(
          gatherElements(
            x,
            [
              [0, 0, 2, 1],
              [1, 1, 1, 0],
            ],
            { axis: -1 },
          ),
        ),
      [[2, 3]],
      { also: ["unranked"] },
    ],
    [
      "gatherND elements",
      (x) =>
        square(
          gatherND(x, [
            [0, 1],
            [1, 2],
            [0, 1],
          ]),
        ),
      [[2, 3]],
    ],
    [
      "gatherND rows",
      (x) => square(gatherND(x, [[[1]], [[0]], [[1]]])),
      [[2, 3]],
      { also: ["named", "unranked"] },
    ],
    ["gatherND batch", (x) => square(gatherND(x, [[1], [0]], { batchDims: 1 })), [[2, 3, 2]]],
    [
      "gatherND batch of 2",
      (x) => square(gatherND(x, int(x, [1, 0, 1], [3, 1, 1]), { batchDims: 2 })),
      [[3, 1, 2]],
    ],
  ]);
});

describe("scatter", () => {
  const elements =
    (options: ScatterOptions & { axis?: number }): Row[1] =>
    (x, u) =>
      square(
        scatterElements(
          x,
          [
            [1, 0, 1],
            [0, 0, 0],
          ],
          u,
          options,
        ),
      ).mul(x.sum());
  const apart =
    (options: ScatterOptions & { axis?: number }): Row[1] =>
    (x, u) =>
      square(
        scatterElements(
          x,
          [
            [1, 0, 2],
            [0, 3, 1],
          ],
          u,
          options,
        ),
      );
  const rows =
    (options: ScatterOptions): Row[1] =>
    (x, u) =>
      square(scatterND(x, [[1], [2], [1]], u, options));
  testRows([
    [
      "scatterElements",
      apart({}),
      [
        [4, 3],
        [2, 3],
      ],
    ],
    [
      "scatterElements axis 1",
      apart({ axis: 1 }),
      [
        [2, 4],
        [2, 3],
      ],
    ],
    [
      "scatterElements add",
      elements({ reduction: "add" }),
      [
        [2, 3],
        [2, 3],
      ],
    ],
    [
      "scatterElements add axis 1",
      elements({ reduction: "add", axis: -1 }),
      [
        [2, 2],
        [2, 3],
      ],
    ],
    [
      "scatterElements max",
      elements({ reduction: "max" }),
      [
        [2, 3],
        [2, 3],
      ],
    ],
    [
      "scatterElements min",
      elements({ reduction: "min", axis: 1 }),
      [
        [2, 3],
        [2, 3],
      ],
    ],
    [
      "scatterElements mul, the operand",
      (x) =>
        square(
          scatterElements(
            x,
            [
              [1, 0],
              [1, 1],
            ],
            [
              [2, 3],
              [4, -1],
            ],
            { reduction: "mul" },
          ),
        ),
      [[2, 2]],
    ],
    [
      "scatterElements mul",
      elements({ reduction: "mul" }),
      [
        [2, 3],
        [2, 3],
      ],
    ],
    [
      "scatterND mul",
      rows({ reduction: "mul" }),
      [
        [4, 2],
        [3, 2],
      ],
    ],
    [
      "scatterND",
      (x, u) => square(scatterND(x, [[2], [0]], u)),
      [
        [4, 3],
        [2, 3],
      ],
    ],
    [
      "scatterND add",
      rows({ reduction: "add" }),
      [
        [4, 2],
        [3, 2],
      ],
    ],
    [
      "scatterND max",
      rows({ reduction: "max" }),
      [
        [4, 2],
        [3, 2],
      ],
    ],
    [
      "scatterND min",
      rows({ reduction: "min" }),
      [
        [4, 2],
        [3, 2],
      ],
    ],
    [
      "scatterND elements",
      (x, u) =>
        square(
          scatterND(
            x,
            [
              [0, 1],
              [1, 0],
            ],
            u,
          ),
        ),
      [[2, 2], [2]],
    ],
    [
      "concat of gathers",
      (x) => square(concat([gather(x, [0]), gather(x, [1, 0])], { axis: 0 })),
      [[2, 2]],
    ],
  ]);
});
