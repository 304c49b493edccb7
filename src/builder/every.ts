// What imported models need and built graphs do not, for its effect alone: the reader, and the operators that
// only networks have.
import "./operators/every.ts";
import { readModel } from "./read.ts";
import { provideReader } from "./reader.ts";

provideReader(readModel);
