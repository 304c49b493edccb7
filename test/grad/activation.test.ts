import {
  elu,
  erf,
  gelu,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  prelu,
  selu,
  softsign,
} from "../../src/builder/operators/index.ts";
import type { CheckOptions } from "./check.ts";
import { testRows } from "./rows.ts";

const everywhere: CheckOptions = { also: ["named", "unranked"], opsets: [13, 17, 20, 22] };

testRows(
  [
    ["erf", (x) => erf(x), [[2, 3]]],
    ["gelu", (x) => gelu(x), [[2, 3]]],
    ["gelu by tanh", (x) => gelu(x, { approximate: "tanh" }), [[2, 3]]],
    ["leakyRelu", (x) => leakyRelu(x.mul(x).sub(1), { alpha: 0.25 }), [[2, 3]]],
    ["elu", (x) => elu(x, { alpha: 1.5 }), [[2, 3]]],
    ["selu", (x) => selu(x), [[2, 3]]],
    ["hardSigmoid", (x) => hardSigmoid(x.mul(x)), [[2, 3]]],
    ["hardSwish", (x) => hardSwish(x.mul(2)), [[2, 3]]],
    ["softsign", (x) => softsign(x), [[2, 3]]],
  ],
  everywhere,
);
testRows([["prelu", (x, slope) => prelu(x, slope), [[2, 3], [3]]]]);
