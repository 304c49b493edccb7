import { goldenSuite } from "./suite.ts";

goldenSuite("edge");
