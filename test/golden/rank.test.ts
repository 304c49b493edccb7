import { goldenSuite } from "./suite.ts";

goldenSuite("rank");
