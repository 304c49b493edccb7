import { goldenSuite } from "./suite.ts";

goldenSuite("elementwise");
