import { goldenSuite } from "./suite.ts";

goldenSuite("logical");
