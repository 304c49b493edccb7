// Every kernel operator, for its effect alone: each registers itself, so that imported models that hold it
// can be differentiated also by programs that never call it.
import "./fast-soft-sort.ts";
import "./isotonic-regression.ts";
import "./log-symmetric.ts";
import "./neuralsort.ts";
import "./optimizer-steps.ts";
import "./simplex-threshold.ts";
import "./smooth-sort.ts";
import "./soft-curves.ts";
import "./softsort-scan.ts";
import "./softsort.ts";
import "./sorting-network-swap.ts";
import "./sorting-network-trace.ts";
import "./sorting-network.ts";
import "./standardization.ts";
import "./transport-plan.ts";
import "./transport-potentials.ts";
import "./transport-solve.ts";
