import { goldenSuite } from "./suite.ts";

goldenSuite("argsort");
