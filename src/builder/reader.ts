import { GraphError } from "./errors.ts";
import type { readModel } from "./read.ts";

/** What Graph.fromModel reads models with. */
type Reader = typeof readModel;

let reader: Reader | undefined;

/** Lets Graph.fromModel read: see every.ts. */
export function provideReader(given: Reader): void {
  reader = given;
}

/** @throws GraphError in a program that has imported "softonnx/core" alone */
export function providedReader(): Reader {
  if (reader === undefined) {
    throw new GraphError(
      "fromModel",
      'softonnx/core does not read models; import "softonnx" as well, which does',
    );
  }
  return reader;
}
