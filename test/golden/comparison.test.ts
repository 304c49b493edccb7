import { goldenSuite } from "./suite.ts";

goldenSuite("comparison");
