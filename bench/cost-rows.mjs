// The rows of the table of costs: what is measured, and how it grows. Read by costs.mjs, which writes the
// table, and by cost-worker.mjs, which measures.
import { soft } from "softonnx";

export const MODES = ["smooth", "c0", "c1", "c2"];

const wholeOrder = {
  softsort: "n², smooth n log n",
  neuralsort: "n²",
  ot: "n² a step",
  fastSoftSort: "n log n",
  smoothSort: "n², n log n a step",
  sortingNetwork: "n log² n",
};
/** Where a method makes fewer rows of the soft permutation than n. */
const fewRows = { ...wholeOrder, softsort: "k n", ot: "k n a step" };
const indices = {
  softsort: "n²",
  neuralsort: "n²",
  ot: "n² a step",
  sortingNetwork: "n² log² n",
};

/** By operator: the call, and what each of its methods costs. */
export const ROWS = {
  sort: { costs: wholeOrder, call: (x, o) => soft.sort(x, o) },
  rank: {
    costs: { ...wholeOrder, sortingNetwork: "n² log² n" },
    call: (x, o) => soft.rank(x, { dim: 1, ...o }),
  },
  argsort: { costs: indices, call: (x, o) => soft.argsort(x, o) },
  max: { costs: fewRows, call: (x, o) => soft.max(x, { dim: 1, ...o }) },
  "topk, k = 10": { costs: fewRows, call: (x, o) => soft.topk(x, 10, o).values },
  median: { costs: fewRows, call: (x, o) => soft.median(x, { dim: 1, ...o }) },
};

/** @returns the modes that a method has */
export const modesOf = (method) => (method === "smoothSort" ? ["smooth"] : MODES);
