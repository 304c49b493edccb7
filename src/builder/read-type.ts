import type { TensorShapeProto_Dimension, TypeProto, ValueInfoProto } from "onnx-buf";
import type { TensorType } from "./definition.ts";
import { canonicalDim, type Dim, type Shape, sameDim } from "./dim.ts";
import { dtypeOfCode } from "./dtype.ts";

export const UNKNOWN: TensorType = { dtype: "unknown", shape: undefined };

/** No tensor has more dimensions; operators that add some (Gather) could double them at every node. */
const MOST_DIMENSIONS = 64;

/** Characters of a dimension's name; what is longer says nothing to people. */
const LONGEST_DIMENSION = 256;

/** Sequences of sequences, and so on, that are looked into. */
const DEEPEST = 4;

/** The type that a model declares. A map is unknown. */
export function typeOfProto(type: TypeProto | undefined, depth = 0): TensorType {
  if (type?.value.case === "sequenceType" || type?.value.case === "optionalType") {
    if (depth === DEEPEST) return UNKNOWN;
    const kind = type.value.case === "sequenceType" ? "sequence" : "optional";
    const of = typeOfProto(type.value.value.elemType, depth + 1);
    return { ...UNKNOWN, container: { kind, of } };
  }
  if (type?.value.case !== "tensorType") return UNKNOWN;
  const { elemType, shape } = type.value.value;
  return { dtype: dtypeOfCode(elemType), shape: shape?.dim.map(dimOf) };
}

/** The declared types of values, by name. */
export function declaredTypes(
  ...lists: readonly (readonly ValueInfoProto[])[]
): ReadonlyMap<string, TensorType> {
  const types = new Map<string, TensorType>();
  for (const list of lists) {
    for (const { name, type } of list) types.set(name, typeOfProto(type));
  }
  return types;
}

/** What an operator is known to give, completed by what the model says of it.
 *
 * Declarations in files go stale: tools that change an input's sizes or an element type leave those of
 * the values behind it as they were. So the element type is the inferred one wherever there is one, as at
 * run time, and a size on which the two contradict each other is unknown. */
export function mergeTypes(inferred: TensorType, declared: TensorType | undefined): TensorType {
  const { dtype, shape, elements } = inferred;
  const possible = shape !== undefined && shape.length > MOST_DIMENSIONS ? undefined : shape;
  const container = inferred.container ?? declared?.container;
  if (container !== undefined) return { ...UNKNOWN, container };
  if (declared === undefined) return { dtype, shape: possible, elements };
  return {
    dtype: dtype === "unknown" ? declared.dtype : dtype,
    shape: mergeShapes(possible, declared.shape),
    elements,
  };
}

/** The same type, of whatever size. */
export function ofAnySize(type: TensorType): TensorType {
  return { ...type, shape: type.shape?.map(() => undefined), elements: undefined };
}

function mergeShapes(inferred: Shape | undefined, declared: Shape | undefined): Shape | undefined {
  if (inferred === undefined) return declared;
  if (declared === undefined) return inferred;
  if (inferred.length !== declared.length) return undefined;
  return inferred.map((dim, axis) => mergeDims(dim, declared[axis]));
}

function mergeDims(inferred: Dim, declared: Dim): Dim {
  if (sameDim(inferred, declared) === false) return undefined;
  // A size says more than a name, and a name of the inputs more than one that was made up for a value.
  return typeof declared === "number" ? declared : (inferred ?? declared);
}

function dimOf({ value }: TensorShapeProto_Dimension): Dim {
  if (value.case === "dimParam" && value.value.length > LONGEST_DIMENSION) return undefined;
  const dim = value.case === "dimParam" ? canonicalDim(value.value) : Number(value.value);
  // Exporters write -1, as a number or a name, where they know nothing.
  if (typeof dim === "number" && !(Number.isSafeInteger(dim) && dim >= 0)) return undefined;
  return dim;
}
