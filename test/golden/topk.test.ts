import { goldenSuite } from "./suite.ts";

goldenSuite("topk");
