import type { Node } from "./block.ts";
import type { OperatorTable } from "./schema.ts";

// ONNX Runtime computes the sizes of a Resize in float32, and infers them in float64 when it loads a model: of
// ten entries times 0.7, which float32 holds as 0.69999999, it makes seven and expects six. A model in which
// something knows of the seven does not load. A Reshape to the true sizes hides what it expects.

/** Whether ONNX Runtime infers other sizes for a Resize than it makes; then its true sizes, 0 for those that
 * nobody knows, which are inferred well. */
export function misjudgedSizes(node: Node): readonly number[] | undefined {
  if (node.op !== "Resize" || node.domain !== "") return undefined;
  const { scales, axes, sizes } = (node.normal ?? {}) as Partial<OperatorTable["Resize"]>;
  const dims = node.inputs[0]?.shape;
  const misjudged = scales?.some((scale, i) => {
    const dim = dims?.[axes?.[i] ?? i];
    if (typeof dim !== "number") return false;
    const product = dim * Math.fround(scale);
    return Math.floor(product) !== Math.floor(Math.fround(product));
  });
  if (!misjudged || sizes !== undefined) return undefined;
  return node.outputs[0]?.shape?.map((dim) => (typeof dim === "number" ? dim : 0));
}
