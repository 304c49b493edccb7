import { goldenSuite } from "./suite.ts";

goldenSuite("argmax_argmin");
