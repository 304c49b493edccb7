// What the pictures show: for each operator one variable, and what comes of it.
//
//   byMode     a number for each mode: value and slope side by side, a color for each mode
//   byEntry    several numbers: a column for each mode, a color for each number
//   byForm     an operator without modes: a column for each form of it
//   byMethod   for what has methods a second picture: the same in all of them
//   heatmap    a soft permutation, by method and mode

import { MODES, SIGMOIDAL, SOFT } from "./names.mjs";

/** @param library softonnx
 * @returns for each operator { kind, caption, from, to, build, … } */
export function samplesOf(library) {
  const { abs, concat, expand, soft, split, squeeze, sub } = library;

  /** The constants beside t in each row: [batch, 1 + constants]. */
  const rowOf = (t, ...others) => {
    const beside = t.graph.constant([others], [1, others.length], "float64");
    return concat([t, expand(beside, [t.shape[0], others.length])], { axis: 1 });
  };
  const columnsOf = (names, matrix) =>
    Object.fromEntries(
      split(matrix, { axis: 1, parts: names.length }).map((column, i) => [names[i], column]),
    );
  const constant = (t, data) => t.graph.constant(data, undefined, "float64");

  const elementwise = (build, extra = {}) => ({
    kind: "byMode",
    modes: MODES,
    x: "x",
    from: -1,
    to: 1,
    build: (t, options) => ({ y: build(t, options) }),
    ...extra,
  });
  const comparison = (name, extra = {}) =>
    elementwise((t, options) => soft[name](t, 0, { ...options, ...extra }), { x: "x - y" });
  const logic = (build, names, levels) => ({
    kind: "byForm",
    x: "x",
    from: 0,
    to: 1,
    forms: { product: {}, "geometric mean": { useGeometricMean: true } },
    entries: levels.map(names),
    build: (t, options) =>
      Object.fromEntries(levels.map((level) => [names(level), build(t, level, options)])),
  });

  const entries = (count) => ["moving entry", "-0.5", "0.2", "0.6"].slice(0, count);
  const places = (...names) => names;
  const FOUR = [-0.5, 0.2, 0.6];
  const moving = { x: "moving entry", from: -1, to: 1 };
  const sorted = (build, extra) => ({
    kind: "byEntry",
    modes: MODES,
    byMethod: true,
    ...moving,
    build,
    ...extra,
  });
  const single = (build, extra) => ({
    ...elementwise((t, options) => build(t, options), moving),
    byMethod: true,
    ...extra,
  });

  const TABLE = [0, 1, 0.3, 0.8, 0.2];
  /** A soft index of the place t in a table: [batch, 5]. */
  const indexAt = (t, options) =>
    soft.argmin(abs(sub(t, constant(t, [[0, 1, 2, 3, 4]]))), { dim: 1, ...options });
  const lookup = (build, extra = {}) => ({
    ...elementwise(build),
    x: "place in the table",
    from: 0,
    to: 4,
    oneByOne: true,
    ...extra,
  });
  const LOOKUP =
    "Looking up a place in the table 0, 1, 0.3, 0.8, 0.2, by the soft index argmin(|0…4 - place|) of each mode.";

  return {
    sigmoidal: elementwise((t, options) => soft.sigmoidal(t, options), { modes: SIGMOIDAL }),
    softrelu: elementwise((t, options) => soft.softrelu(t, options), { modes: SIGMOIDAL }),
    relu: elementwise((t, options) => soft.relu(t, options)),
    abs: elementwise((t, options) => soft.abs(t, options)),
    sign: elementwise((t, options) => soft.sign(t, options)),
    heaviside: elementwise((t, options) => soft.heaviside(t, options)),
    round: elementwise((t, options) => soft.round(t, options), { from: -1.7, to: 1.7 }),
    clamp: elementwise((t, options) => soft.clamp(t, -0.5, 0.5, options), {
      from: -1.4,
      to: 1.4,
      caption: "Between a = -0.5 and b = 0.5.",
    }),

    greater: comparison("greater"),
    greaterEqual: comparison("greaterEqual"),
    less: comparison("less"),
    lessEqual: comparison("lessEqual"),
    eq: comparison("eq"),
    notEqual: comparison("notEqual"),
    isclose: {
      ...comparison("isclose", { atol: 0.3 }),
      caption: "With atol: 0.3.",
    },

    logicalNot: {
      kind: "byForm",
      x: "x",
      from: 0,
      to: 1,
      forms: { "": {} },
      entries: ["not x"],
      build: (t) => ({ "not x": soft.logicalNot(t) }),
    },
    logicalAnd: logic(
      (t, y, o) => soft.logicalAnd(t, y, o),
      (y) => `y = ${y}`,
      [0.1, 0.5, 0.9],
    ),
    logicalOr: logic(
      (t, y, o) => soft.logicalOr(t, y, o),
      (y) => `y = ${y}`,
      [0.1, 0.5, 0.9],
    ),
    logicalXor: logic(
      (t, y, o) => soft.logicalXor(t, y, o),
      (y) => `y = ${y}`,
      [0.1, 0.5, 0.9],
    ),
    all: {
      ...logic(
        (t, y, o) => soft.all(rowOf(t, y, y, y), { dim: 1, ...o }),
        (y) => `others ${y}`,
        [0.5, 0.8, 1],
      ),
      caption: "Of four truth values: one, x, moves; the others are alike.",
    },
    any: {
      ...logic(
        (t, y, o) => soft.any(rowOf(t, y, y, y), { dim: 1, ...o }),
        (y) => `others ${y}`,
        [0, 0.2, 0.5],
      ),
      caption: "Of four truth values: one, x, moves; the others are alike.",
    },

    where: elementwise((t, options) => soft.where(soft.greater(t, 0, options), t, t.mul(0.2)), {
      caption: "where(greater(x, 0), x, 0.2 x), with the condition of each mode.",
    }),
    takeAlongDim: lookup(
      (t, options) => {
        const index = indexAt(t, options);
        return soft.takeAlongDim(constant(t, [TABLE]), index.unsqueeze(1), { dim: 1 });
      },
      { caption: LOOKUP },
    ),
    take: lookup((t, options) => soft.take(constant(t, TABLE), indexAt(t, options), { dim: 0 }), {
      caption: LOOKUP,
    }),
    indexSelect: lookup(
      (t, options) => soft.indexSelect(constant(t, TABLE), squeeze(indexAt(t, options), 0), 0),
      { caption: LOOKUP },
    ),
    narrow: {
      kind: "byEntry",
      modes: MODES,
      x: "start",
      from: 0,
      to: 4,
      oneByOne: true,
      entries: ["first", "second"],
      build: (t, options) => {
        const window = soft.narrow(constant(t, TABLE), squeeze(indexAt(t, options), 0), 2);
        return columnsOf(["first", "second"], window.unsqueeze(0));
      },
      caption:
        "Two entries of the table 0, 1, 0.3, 0.8, 0.2 from a soft start, argmin(|0…4 - start|) of each mode.",
    },

    max: single((t, options) => soft.max(rowOf(t, -0.3, 0.4), { dim: 1, ...options }), {
      caption: "Of three entries, of which one moves and the others are -0.3 and 0.4.",
    }),
    min: single((t, options) => soft.min(rowOf(t, -0.3, 0.4), { dim: 1, ...options }), {
      caption: "Of three entries, of which one moves and the others are -0.3 and 0.4.",
    }),
    median: single((t, options) => soft.median(rowOf(t, ...FOUR, -0.2), { dim: 1, ...options }), {
      caption: "Of five entries, of which one moves and the others are -0.5, -0.2, 0.2 and 0.6.",
    }),
    quantile: single(
      (t, options) =>
        soft.quantile(constant(t, [-0.8, -0.5, 0.1, 0.4, 1]), squeeze(t, 1), {
          dim: 0,
          ...options,
        }),
      {
        x: "q",
        from: 0,
        to: 1,
        caption: "Of -0.8, -0.5, 0.1, 0.4 and 1, as q goes from 0 to 1; the gradient is that by q.",
      },
    ),
    argmax: sorted(
      (t, options) =>
        columnsOf(entries(3), soft.argmax(rowOf(t, -0.5, 0.2), { dim: 1, ...options })),
      {
        entries: entries(3),
        caption: "The probability of each of three entries, of which one moves.",
      },
    ),
    argmin: sorted(
      (t, options) =>
        columnsOf(entries(3), soft.argmin(rowOf(t, -0.5, 0.2), { dim: 1, ...options })),
      {
        entries: entries(3),
        caption: "The probability of each of three entries, of which one moves.",
      },
    ),
    argmedian: sorted(
      (t, options) =>
        columnsOf(entries(3), soft.argmedian(rowOf(t, -0.5, 0.2), { dim: 1, ...options })),
      {
        entries: entries(3),
        caption: "The probability of each of three entries, of which one moves.",
      },
    ),
    argquantile: sorted(
      (t, options) =>
        columnsOf(entries(4), soft.argquantile(rowOf(t, ...FOUR), 0.25, { dim: 1, ...options })),
      {
        entries: entries(4),
        caption: "The probability of each of four entries, of which one moves, for q = 0.25.",
      },
    ),
    sort: sorted(
      (t, options) =>
        columnsOf(
          places("first", "second", "third", "fourth"),
          soft.sort(rowOf(t, ...FOUR), options),
        ),
      {
        entries: places("first", "second", "third", "fourth"),
        caption: "Of four entries, of which one moves and the others are -0.5, 0.2 and 0.6.",
      },
    ),
    topk: sorted(
      (t, options) =>
        columnsOf(places("first", "second"), soft.topk(rowOf(t, ...FOUR), 2, options).values),
      {
        entries: places("first", "second"),
        caption:
          "The values for k = 2 of four entries, of which one moves and the others are -0.5, 0.2 and 0.6.",
      },
    ),
    rank: sorted(
      (t, options) => columnsOf(entries(4), soft.rank(rowOf(t, ...FOUR), { dim: 1, ...options })),
      {
        entries: entries(4),
        caption: "The rank of each of four entries, of which one moves; the largest has rank 1.",
      },
    ),
    argsort: sorted(
      (t, options) => {
        const order = soft.argsort(rowOf(t, ...FOUR), options);
        return columnsOf(
          places("first", "second", "third", "fourth"),
          squeeze(split(order, { axis: 2, sizes: [1, 3] })[0], 2),
        );
      },
      {
        entries: places("first", "second", "third", "fourth"),
        caption:
          "The probability that the moving entry comes first, …, beside the entries -0.5, 0.2 and 0.6.",
        heatmap: {
          caption: "The soft permutation of 0.3, -0.9, 0.8, -0.2, 0.4 and 0 by method and mode.",
          size: 6,
          build: (graph, options) =>
            soft.argsort(
              graph.constant([0.3, -0.9, 0.8, -0.2, 0.4, 0], undefined, "float64"),
              options,
            ),
        },
      },
    ),

    projectSimplex: {
      kind: "byEntry",
      modes: SOFT,
      ...moving,
      entries: entries(3),
      build: (t, options) =>
        columnsOf(entries(3), soft.projectSimplex(rowOf(t, -0.5, 0.2), options)),
      caption:
        "The projection of three entries, of which one moves and the others are -0.5 and 0.2.",
    },
    projectPermutahedron: {
      kind: "byEntry",
      modes: SOFT,
      ...moving,
      entries: entries(3),
      build: (t, options) =>
        columnsOf(
          entries(3),
          soft.projectPermutahedron(rowOf(t, -0.5, 0.2), constant(t, [1, 2, 3]), options),
        ),
      caption: "The row 1, 2, 3 in the order of three entries z, of which one moves.",
    },
    transport: {
      kind: "byEntry",
      modes: SOFT,
      x: "first entry of the cost",
      from: -0.5,
      to: 1,
      entries: ["plan 11", "plan 12", "plan 21", "plan 22"],
      build: (t, options) => {
        const cost = rowOf(t, 0.4, 0.3, 0.2).reshape([t.shape[0], 2, 2]);
        const { plan } = soft.transport(cost, [0.6, 0.4], [0.5, 0.5], options);
        return columnsOf(
          ["plan 11", "plan 12", "plan 21", "plan 22"],
          plan.reshape([t.shape[0], 4]),
        );
      },
      caption:
        "The plan between masses 0.6, 0.4 and 0.5, 0.5 as the first of the costs moves; the others are 0.4, 0.3 and 0.2.",
    },
  };
}
