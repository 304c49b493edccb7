import { goldenSuite } from "./suite.ts";

goldenSuite("sort");
