import {
  celu,
  elu,
  erf,
  gelu,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  mish,
  prelu,
  selu,
  shrink,
  softsign,
  swish,
  thresholdedRelu,
} from "../../src/builder/operators/index.ts";
import type { CheckOptions } from "./check.ts";
import { testRows } from "./rows.ts";

const everywhere: CheckOptions = { also: ["named", "unranked"], opsets: [13, 17, 20, 24] };

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
    ["celu", (x) => celu(x, { alpha: 0.5 }), [[2, 3]]],
    ["mish", (x) => mish(x), [[2, 3]]],
    ["swish", (x) => swish(x, { alpha: 1.5 }).add(swish(x)), [[2, 3]]],
    ["thresholdedRelu", (x) => thresholdedRelu(x.mul(x), { alpha: 0.75 }), [[2, 3]]],
    ["shrink", (x) => shrink(x.mul(x.abs()), { threshold: 0.75, bias: 0.5 }), [[2, 3]]],
  ],
  everywhere,
);
testRows([["prelu", (x, slope) => prelu(x, slope), [[2, 3], [3]]]]);
