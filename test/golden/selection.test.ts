import { goldenSuite } from "./suite.ts";

goldenSuite("selection");
