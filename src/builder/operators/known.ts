import type { Expansion } from "../definition.ts";
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

/** An operator outside ONNX that is other operators together. */
export interface Fusion<Normal> extends Schema<Normal> {
  readonly expansion: Expansion<Normal>;
  /** Why its derivative is zero wherever it exists. The expansion is not asked then. */
  readonly zero?: string;
}

/** What ONNX Runtime's own operators compute, by their names in its domain, and those of ai.onnx.ml, with
 * theirs. */
type Fusions = Readonly<Record<string, Fusion<unknown>>>;

let fusions: Fusions = {};

/** Makes operators of other domains known: see every.ts. */
export function provideFusions(provided: Fusions): void {
  fusions = provided;
}

/** An operator of another domain that is nothing but others together; undefined for others. Some that ONNX
 * Runtime's optimiser writes are in the domain of ONNX itself. */
export function fusionOf(op: string, domain: string): Fusion<unknown> | undefined {
  // An operator of ONNX itself may have the name of another one of ONNX Runtime.
  if (domain === "" && Object.hasOwn(known, op)) return undefined;
  const name = domain === "com.microsoft" || domain === "" ? op : `${domain}.${op}`;
  return Object.hasOwn(fusions, name) ? fusions[name] : undefined;
}

/** The schema of an operator; undefined for those that the builder does not know. */
export function schemaOf(op: string, domain = ""): Schema<unknown> | undefined {
  if (domain === "" && Object.hasOwn(known, op))
    return known[op as OperatorName] as Schema<unknown>;
  return fusionOf(op, domain);
}
