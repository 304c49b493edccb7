import {
  add,
  cast,
  concatFromSequence,
  gather,
  ifElse,
  loop,
  mul,
  optional,
  optionalGetElement,
  sequenceAt,
  sequenceConstruct,
  sequenceEmpty,
  sequenceErase,
  sequenceInsert,
  sequenceMap,
  splitToSequence,
} from "../../src/builder/operators/index.ts";
import type { Value } from "../../src/builder/value.ts";
import { testRows } from "./rows.ts";

const square = (x: Value) => x.mul(x);
const joined = (list: Value) => concatFromSequence(list, { axis: 0 });

describe("gradients pass through sequences", () => {
  testRows([
    ["sequenceConstruct", (x, y) => joined(sequenceConstruct(square(x), y, x)), [[2], [3]]],
    [
      "sequenceAt",
      (x, y) => {
        const list = sequenceConstruct(square(x), mul(x, y));
        return mul(sequenceAt(list, 0), sequenceAt(list, -1));
      },
      [[2], [2]],
      { opsets: [13, 16] },
    ],
    [
      "sequenceInsert",
      (x, y) => {
        const list = sequenceInsert(sequenceEmpty(x.graph, x.dtype), square(x));
        return joined(sequenceInsert(sequenceInsert(list, y), square(y), -1));
      },
      [[2], [3]],
    ],
    [
      "sequenceErase",
      (x, y) => {
        const list = sequenceConstruct(square(x), y, square(y));
        return mul(joined(sequenceErase(sequenceErase(list, -3))), x.sum());
      },
      [[2], [3]],
    ],
    [
      "splitToSequence",
      (x) => sequenceAt(splitToSequence(square(x), { axis: 1, sizes: [1, 2] }), 1),
      [[2, 3]],
    ],
    [
      "splitToSequence by ones",
      (x) => {
        const list = splitToSequence(square(x), { axis: -1, keepdims: false });
        return concatFromSequence(list, { axis: 0, newAxis: true });
      },
      [[2, 3]],
    ],
    [
      "splitToSequence, the last part smaller",
      (x) => joined(splitToSequence(square(x), { sizes: 2 })),
      [[5, 2]],
    ],
    [
      "concatFromSequence along the last axis",
      (x, y) => square(concatFromSequence(sequenceConstruct(x, y), { axis: -1 })),
      [
        [2, 1],
        [2, 3],
      ],
    ],
  ]);
});

describe("gradients pass through what is done with each entry", () => {
  testRows([
    [
      "sequenceMap",
      (x, y) => {
        const list = splitToSequence(square(x), { sizes: 2 });
        const [products] = sequenceMap([list, y], (part, factor) => [
          mul(square(part as Value), factor as Value),
        ]);
        return joined(products as Value);
      },
      [[4, 2], [2]],
    ],
    [
      "sequenceMap of two sequences, with what it reads from outside",
      (x, y, z) => {
        const lists = [sequenceConstruct(x, y), sequenceConstruct(square(y), x)];
        const [sums, rest] = sequenceMap(lists, (a, b) => {
          return [add(mul(a as Value, b as Value), z), square(b as Value)];
        });
        return add(joined(sums as Value), joined(rest as Value));
      },
      [[2], [2], [1]],
    ],
  ]);
});

describe("gradients pass through optionals", () => {
  testRows([
    ["optional", (x) => square(optionalGetElement(optional(square(x)))), [[3]]],
    [
      "optional sequence",
      (x) => joined(optionalGetElement(optional(sequenceConstruct(square(x), x)))),
      [[2]],
    ],
  ]);
});

describe("a loop that appends to a sequence", () => {
  const empty = (x: Value) => sequenceEmpty(x.graph, x.dtype);
  testRows(
    [
      [
        "joined afterwards, and its other state",
        (x, y) => {
          const [list, last] = loop(3, [empty(x), x], (_, parts, h) => {
            const next = h?.mul(y).tanh() as Value;
            return [sequenceInsert(parts as Value, next), next];
          }) as [Value, Value];
          return joined(list).sum().mul(last);
        },
        [[2], [2]],
      ],
      [
        "alone, of slices of what is outside",
        (x) => {
          const [list] = loop(3, [empty(x)], (i, parts) => [
            sequenceInsert(parts as Value, square(gather(x, i)).unsqueeze(0)),
          ]) as [Value];
          return joined(list);
        },
        [[3]],
      ],
      [
        "until it has enough",
        (x) => {
          const [, list] = loop(9, [x, empty(x)], (_, h, parts) => {
            const next = h?.mul(0.5) as Value;
            const proceed = next.abs().sum().greater(0.3);
            return { state: [next, sequenceInsert(parts as Value, square(next))], proceed };
          }) as [Value, Value];
          return concatFromSequence(list, { axis: 0, newAxis: true })
            .sum()
            .mul(sequenceAt(list, 0));
        },
        [[2]],
      ],
      [
        "and reads what it appended before",
        (x, y) => {
          const [list] = loop(3, [sequenceConstruct(square(x))], (_, parts) => {
            const last = sequenceAt(parts as Value, -1);
            return [sequenceInsert(parts as Value, last.mul(y))];
          }) as [Value];
          return joined(list);
        },
        [[2], [2]],
      ],
      [
        "beside a state that goes its own way",
        (x, y) => {
          const [list] = loop(3, [sequenceConstruct(y.mul(gather(x, 0))), y], (i, parts, h) => {
            const next = h?.add(gather(x, i)).tanh() as Value;
            return [sequenceInsert(parts as Value, next), next];
          }) as [Value, Value];
          return joined(list);
        },
        [[3], [2]],
      ],
      [
        "only where a condition holds",
        (x, y) => {
          const [list] = loop(3, [sequenceConstruct(y)], (i, parts) => {
            const at = gather(x, i);
            return ifElse(
              at.greater(0),
              () => [sequenceInsert(parts as Value, square(at).mul(y))],
              () => [sequenceInsert(parts as Value, y, 0)],
            );
          }) as [Value];
          return joined(list);
        },
        [[3], [2]],
      ],
      [
        "one of two values, as a condition decides",
        (x, y) => {
          const [list] = loop(3, [empty(x)], (i, parts) => {
            const at = gather(x, i);
            return ifElse(
              at.greater(gather(y, i)),
              () => [sequenceInsert(parts as Value, square(at).unsqueeze(0))],
              () => [sequenceInsert(parts as Value, at.mul(gather(y, i)).unsqueeze(0))],
            );
          }) as [Value];
          return joined(list);
        },
        [[3], [3]],
      ],
    ],
    { also: ["named"], opsets: [17, 22] },
  );
  testRows(
    [
      [
        "joined at opset 13",
        (x) => {
          const [list] = loop(3, [empty(x)], (i, parts) => [
            sequenceInsert(parts as Value, x.mul(cast(i, x.dtype)).tanh()),
          ]) as [Value];
          return joined(list);
        },
        [[2]],
      ],
    ],
    { also: [], opsets: [13] },
  );
});
