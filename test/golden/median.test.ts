import { goldenSuite } from "./suite.ts";

goldenSuite("median");
