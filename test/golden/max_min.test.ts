import { goldenSuite } from "./suite.ts";

goldenSuite("max_min");
