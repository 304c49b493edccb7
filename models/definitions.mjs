/** The ready-made models: how each is built, and what its card says. All take float32, any batch and any
 * length, and the softness as an input.
 *
 * @param library softonnx
 * @returns by file name */
export function definitionsOf({ Graph, cast, grad, less, losses, range, reduceSum, shape, soft }) {
  const start = (name) => {
    const g = new Graph(name);
    return { g, softness: () => g.input("softness", "float32", []) };
  };
  const rows = (g, name) => g.input(name, "float32", ["batch", "length"]);

  return {
    "soft-rank": {
      title: "Soft rank",
      says:
        "The rank of each entry of a row, from 1 for the largest to its length for the smallest. As softness " +
        "falls to 0 they become whole numbers; as it rises, all become the middle one.",
      takes: "softness relative to the spread of the row; 0.1 is a good start, 0.001 nearly hard",
      how: "SoftSort by columns (Prillo and Eisenschlos 2020) on standardised rows",
      build() {
        const { g, softness } = start("soft_rank");
        const x = rows(g, "x");
        const options = { dim: -1, method: "softsort", softness: softness() };
        return g.output("ranks", soft.rank(x, options));
      },
    },
    "soft-sort": {
      title: "Soft sort",
      says: "Each row in ascending order: every entry a mean of all, weighted by how near they are to its place.",
      takes: "softness relative to the spread of the row; 0.1 is a good start",
      how: "SoftSort (Prillo and Eisenschlos 2020) on standardised rows",
      build() {
        const { g, softness } = start("soft_sort");
        const x = rows(g, "x");
        return g.output("sorted", soft.sort(x, { method: "softsort", softness: softness() }));
      },
    },
    "soft-top-k-mask": {
      title: "Soft top-k mask",
      says:
        "A number from 0 to 1 for each entry of a row, k in sum: 1 for the k largest, 0 for the others, and " +
        "something between for those that softness leaves undecided.",
      takes: "k, a whole number up to the length, and softness in the units of x",
      how: "the projection of x / softness onto the permutahedron of k ones and zeros (Blondel et al. 2020)",
      build() {
        const { g, softness } = start("soft_top_k_mask");
        const x = rows(g, "x");
        const k = g.input("k", "int64", []);
        const level = softness();
        const places = range(0, shape(x, { start: 1, end: 2 }).squeeze(), 1);
        const ones = cast(less(places, k), "float32");
        const w = ones.expand(shape(x));
        return g.output("mask", soft.projectPermutahedron(x, w, { softness: level, mode: "c0" }));
      },
    },
    sinkhorn: {
      title: "Sinkhorn",
      says:
        "The entropy-regularised transport plan between masses a and b: what goes from each source to each " +
        "target. Solved to rounding, not by a fixed number of rounds.",
      takes: "masses, which are divided by their sums, and softness in the units of the cost",
      how: "Newton on the dual in float64 (Cuturi 2013 for the problem)",
      build() {
        const { g, softness } = start("sinkhorn");
        const cost = g.input("cost", "float32", ["batch", "sources", "targets"]);
        const a = g.input("a", "float32", ["batch", "sources"]);
        const b = g.input("b", "float32", ["batch", "targets"]);
        return g.output("plan", soft.transport(cost, a, b, { softness: softness() }).plan);
      },
    },
    "soft-median": {
      title: "Soft median",
      says:
        "The median of each row, a mean of the entries near it; of an even number the lower of the two in the " +
        "middle, as in PyTorch.",
      takes: "softness relative to the spread of the row; 0.1 is a good start",
      how: "one row of SoftSort (Prillo and Eisenschlos 2020) on standardised rows",
      build() {
        const { g, softness } = start("soft_median");
        const x = rows(g, "x");
        const options = { dim: -1, method: "softsort", softness: softness() };
        return g.output("median", soft.median(x, options));
      },
    },
    "ndcg-loss": {
      title: "NDCG loss with gradient",
      says:
        "1 less the normalised discounted cumulative gain of each list, with soft ranks, and its gradient by " +
        "the scores: for training a ranking model in any language that runs ONNX.",
      takes:
        "relevance from 0 (gains are 2^relevance - 1), softness relative to the spread of the scores",
      how: "ApproxNDCG (Qin, Liu and Li 2010) on the ranks of soft-rank",
      build() {
        const { g, softness } = start("ndcg_loss");
        const scores = rows(g, "scores");
        const relevance = rows(g, "relevance");
        const options = { method: "softsort", softness: softness(), reduction: "none" };
        const loss = losses.softNdcg(scores, relevance, options);
        const [gradient] = grad(reduceSum(loss), [scores]);
        return g.output("loss", loss).output("gradient", gradient);
      },
    },
  };
}
