import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";

/** How a field's value lies in the bytes. */
export type WireKind = "varint" | "fixed32" | "fixed64" | "text" | "bytes" | "message";

/** Wire types of protobuf; 3 and 4 (groups) do not occur in ONNX, 6 and 7 do not exist. */
export const WIRE = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;

/** What the scan knows of one field. */
export interface WireField {
  readonly name: string;
  readonly number: number;
  readonly kind: WireKind;
  /** The wire type that it must have. */
  readonly wire: number;
  /** A list of numbers, which may also come packed into one delimited field. */
  readonly packable: boolean;
  readonly list: boolean;
  /** What one value weighs in the budget of list elements: a bigint or a text takes about four times
   * the memory of a number. */
  readonly weight: number;
  /** Set for a single message: its bit in the record of those that a message has had already. */
  readonly once: number;
  /** One dimension of a tensor or a shape a value. */
  readonly dimension: boolean;
  /** The type of a message field. */
  readonly message: WireMessage | undefined;
}

/** What the scan knows of one message type: its fields by number. */
export interface WireMessage {
  readonly name: string;
  readonly fields: readonly (WireField | undefined)[];
  readonly isGraph: boolean;
  readonly isTensor: boolean;
}

const dimensionFields: ReadonlySet<string> = new Set([
  "TensorProto.dims",
  "SparseTensorProto.dims",
  "TensorShapeProto.dim",
]);

const compiled = new Map<DescMessage, WireMessage>();

/** A message type and all that it holds, taken from the very descriptors that the decoder follows: what
 * the scan lets through is what the decoder will see. */
export function wireOf(schema: DescMessage): WireMessage {
  const found = compiled.get(schema);
  if (found !== undefined) return found;
  const fields: (WireField | undefined)[] = [];
  const { name } = schema;
  const message: WireMessage = {
    name,
    fields,
    isGraph: name === "GraphProto",
    isTensor: name === "TensorProto",
  };
  // Before its fields: types hold one another.
  compiled.set(schema, message);
  // Without holes, so that a look-up is one load.
  const highest = Math.max(...schema.fields.map((field) => field.number));
  for (let number = 0; number <= highest; number++) fields.push(undefined);
  schema.fields.forEach((field, index) => {
    fields[field.number] = wireField(field, index);
  });
  return message;
}

function wireField(field: DescField, index: number): WireField {
  const kind = kindOf(field);
  const list = field.fieldKind === "list";
  const scalar = field.scalar;
  const wide = kind === "text" || scalar === ScalarType.INT64 || scalar === ScalarType.UINT64;
  return {
    name: field.name,
    number: field.number,
    kind,
    wire:
      kind === "varint" || kind === "fixed32" || kind === "fixed64" ? WIRE[kind] : WIRE.delimited,
    packable: list && (kind === "varint" || kind === "fixed32" || kind === "fixed64"),
    list,
    weight: wide ? 4 : 1,
    dimension: dimensionFields.has(`${field.parent.name}.${field.name}`),
    once: kind === "message" && !list ? 1 << index : 0,
    message: field.message === undefined ? undefined : wireOf(field.message),
  };
}

function kindOf(field: DescField): WireKind {
  if (field.message !== undefined) return "message";
  switch (field.scalar) {
    case ScalarType.STRING:
      return "text";
    case ScalarType.BYTES:
      return "bytes";
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return "fixed32";
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return "fixed64";
    default:
      return "varint";
  }
}
