import { goldenSuite } from "./suite.ts";

goldenSuite("learnable_softness");
