import { goldenSuite } from "./suite.ts";

goldenSuite("straight_through");
