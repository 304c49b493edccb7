import type { OperatorName, OperatorTable, Schema } from "../schema.ts";
import { arithmeticSchemas } from "./arithmetic.ts";
import { controlSchemas } from "./control.ts";
import { creationSchemas } from "./creation.ts";
import { cumulativeSchemas } from "./cumulative.ts";
import { indexingSchemas } from "./indexing.ts";
import { linearSchemas } from "./linear.ts";
import { logicSchemas } from "./logic.ts";
import { mathSchemas } from "./math.ts";
import { movementSchemas } from "./movement.ts";
import { reductionSchemas } from "./reduction.ts";
import { reshapeSchemas } from "./reshape.ts";
import { scanSchemas } from "./scan.ts";
import { sizesSchemas } from "./sizes.ts";
import { sliceSchemas } from "./slice.ts";

/** What soft operators, losses, optimizers and their gradients are made of: known to every program. */
export const coreSchemas = {
  ...arithmeticSchemas,
  ...mathSchemas,
  ...logicSchemas,
  ...reductionSchemas,
  ...cumulativeSchemas,
  ...linearSchemas,
  ...reshapeSchemas,
  ...movementSchemas,
  ...sliceSchemas,
  ...creationSchemas,
  ...sizesSchemas,
  ...indexingSchemas,
  ...controlSchemas,
  ...scanSchemas,
};

type Known = { readonly [Op in OperatorName]?: Schema<OperatorTable[Op]> };

let known: Known = coreSchemas;

/** Makes operators known besides those of the core: see every.ts. */
export function provideSchemas(schemas: Known): void {
  known = schemas;
}

/** The schema of an ai.onnx operator; undefined for those that the builder does not know. */
export function schemaOf(op: string): Schema<unknown> | undefined {
  return Object.hasOwn(known, op) ? (known[op as OperatorName] as Schema<unknown>) : undefined;
}
