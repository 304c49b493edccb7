import { goldenSuite } from "./suite.ts";

goldenSuite("quantile");
