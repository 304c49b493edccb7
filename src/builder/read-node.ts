import type { GraphProto, NodeProto } from "onnx-buf";
import type { TensorType } from "./definition.ts";
import { varies } from "./iteration.ts";
import { UNKNOWN } from "./read-type.ts";
import type { Value } from "./value.ts";

/** ai.onnx goes by its name and by none. */
export function plainDomain(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

/** The arguments of the body of a Loop, Scan or SequenceMap, which files often leave without types: the round, the
 * condition, and the state, whose sizes may change from round to round. */
export function bodyTypes(
  proto: NodeProto,
  inputs: readonly (Value | undefined)[],
): readonly TensorType[] {
  if (plainDomain(proto.domain) !== "") return [];
  if (proto.opType === "Scan") {
    return inputs.map((value) => ({ dtype: value?.dtype ?? "unknown", shape: undefined }));
  }
  if (proto.opType === "SequenceMap") {
    return inputs.map((value) => (value === undefined ? UNKNOWN : entryOf(value)));
  }
  if (proto.opType !== "Loop") return [];
  return [
    { dtype: "int64", shape: [] },
    { dtype: "bool", shape: [] },
    ...inputs.slice(2).map((value) => ({
      dtype: value?.dtype ?? "unknown",
      shape: undefined,
      container: value?.container,
    })),
  ];
}

/** Which arguments of a Loop's body may have another size in each round. */
export function varyingArguments(proto: NodeProto, body: GraphProto): ReadonlySet<string> {
  if (proto.opType !== "Loop" || plainDomain(proto.domain) !== "") return NONE;
  const producers = new Map(
    body.node.flatMap(({ opType, domain, input, output }) =>
      plainDomain(domain) === ""
        ? output.map((name) => [name, { op: opType, inputs: input }] as const)
        : [],
    ),
  );
  const arguments_ = body.input.slice(2).map(({ name }) => name);
  return new Set(
    arguments_.filter((name, k) => {
      const next = body.output[k + 1]?.name;
      return next !== undefined && varies(next, name, (each) => producers.get(each));
    }),
  );
}

const NONE: ReadonlySet<string> = new Set();

function entryOf({ dtype, shape, container }: TensorType): TensorType {
  return container?.kind === "sequence" ? container.of : { dtype, shape, container };
}

/** Whether an attribute is longer than any list of axes or sizes, or any equation, can be: to infer
 * something of it could take a time that grows with its square. */
export function hasLongAttribute(proto: NodeProto): boolean {
  return proto.attribute.some(({ ints, s }) => ints.length > 4096 || s.length > 4096);
}
