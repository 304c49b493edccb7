import { type Block, type Node, subgraphsOf } from "../../builder/block.ts";
import { RANDOM } from "../../builder/sharing.ts";
import { type Missing, missing } from "./rule.ts";

/** Why a node with bodies has no gradient if one of them draws at random: bodies are computed again on the way
 * back, and would draw other numbers. */
export function randomInBodies(node: Node): Missing | undefined {
  const drawing = subgraphsOf(node.attributes).flatMap(drawingIn)[0];
  if (drawing === undefined) return undefined;
  return missing(`its body has a ${drawing.op}, which would draw anew on the way back`);
}

function drawingIn(body: Block): Node[] {
  return body.nodes.flatMap((node) => {
    const still = (node.normal as { readonly training?: boolean } | undefined)?.training === false;
    const draws = node.domain === "" && RANDOM.has(node.op) && !still;
    return [...(draws ? [node] : []), ...subgraphsOf(node.attributes).flatMap(drawingIn)];
  });
}
