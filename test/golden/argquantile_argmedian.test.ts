import { goldenSuite } from "./suite.ts";

goldenSuite("argquantile_argmedian");
