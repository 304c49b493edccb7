import type { Application, Expansion, Pullback } from "../../builder/definition.ts";
import { GraphError } from "../../builder/errors.ts";
import { requireValue } from "../../builder/lift.ts";
import type { OperatorName, OperatorTable } from "../../builder/schema.ts";
import type { Value } from "../../builder/value.ts";
import { sumTo } from "../broadcast.ts";

/** The derivative is zero wherever it exists, by definition. */
export interface Zero {
  readonly kind: "zero";
  readonly reason: string;
}

/** There is a derivative, and no rule for it. */
export interface Missing {
  readonly kind: "missing";
  readonly reason: string;
}

/** The cotangents of a node's inputs in order; undefined, or a missing tail, means zero. */
export type Cotangents = readonly (Value | undefined)[];

/** What the rule of a node with bodies is given besides. */
export interface Walk<Attributes = unknown> extends Pullback<Attributes> {
  /** Whether the cotangent of a value that a body reads from outside is asked for. */
  readonly reaches: (captured: Value) => boolean;
  readonly options: { readonly keepEvery?: number };
  /** Goes back through nodes of the body being built, from cotangents of ys to those of xs, which end the
   * way: the rule of the node that has the body goes on behind them. */
  readonly pullInBody: (
    ys: readonly Value[],
    xs: readonly Value[],
    seeds: readonly Value[],
  ) => Cotangents | Missing;
  /** Goes back through what makes the node's outputs of its inputs by other operators. An output that is
   * undefined has no part in it. */
  readonly pullThrough: (
    body: (inputs: readonly (Value | undefined)[]) => readonly (Value | undefined)[] | Missing,
  ) => Cotangents | Missing;
}

/** How cotangents go back through an operator: those of its inputs and, for a node with bodies, then those
 * of what the bodies read from outside (`capturesOfNode`). A function may find that it cannot, for the
 * attributes or ranks at hand, and answer `missing`. */
export type Rule<Attributes> = ((node: Walk<Attributes>) => Cotangents | Missing) | Zero | Missing;

/** The rule of an operator that is nothing but other operators together: theirs. */
export function byExpansion<Attributes>(
  expansion: Expansion<Attributes>,
): (node: Walk<Attributes>) => Cotangents | Missing {
  return (node) => {
    if (node.inputs.some((input) => input !== undefined && input.shape === undefined)) {
      return missing("the rank of an operand is not known");
    }
    try {
      return node.pullThrough((inputs) => expansion(inputs, node.attributes));
    } catch (error) {
      if (error instanceof GraphError) return missing(error.message);
      throw error;
    }
  };
}

/** The same for an operator whose node says more than its attributes, or that others stand for only in some
 * of its forms. What they compute is in a model only as far as the cotangents need it.
 *
 * @param body the outputs in other operators, of a node with stand-ins for its inputs; an output that
 * carries no gradient may be left out */
export function composed<A>(
  body: (node: Application<A>) => readonly (Value | undefined)[] | Missing,
): Rule<A> {
  return ({ graph, node, attributes, outputs, y, pullThrough }) =>
    pullThrough((inputs) => {
      const input = (i: number) => requireValue(node.op, `input ${i}`, inputs[i]);
      const optional = (i: number) => inputs[i];
      return body({ graph, node, attributes, outputs, y, inputs, input, optional });
    });
}

/** The rules of some operators. */
export type Rules<Names extends OperatorName> = {
  readonly [Name in Names]: Rule<OperatorTable[Name]>;
};

export function zero(reason: string): Zero {
  return { kind: "zero", reason };
}

export function missing(reason: string): Missing {
  return { kind: "missing", reason };
}

export function isMissing(given: Cotangents | Zero | Missing): given is Missing {
  return "kind" in given && given.kind === "missing";
}

type Maker = (() => Value | undefined) | undefined;

/** The cotangents of those inputs that are asked for. */
export function wanted<A>(node: Pullback<A>, ...makers: readonly Maker[]): Cotangents {
  return makers.map((make, i) => (make !== undefined && node.wants(i) ? make() : undefined));
}

/** The same for operands that broadcast against each other: each maker gives a cotangent of the result's
 * shape, which is summed to the operand's. */
export function broadcast<A>(node: Pullback<A>, ...makers: readonly Maker[]): Cotangents {
  return wanted(
    node,
    ...makers.map((make, i) => make && (() => sumToInput(node, i, make() as Value))),
  );
}

/** Sums a cotangent of the result's shape to the shape of input i of an elementwise operator. */
export function sumToInput<A>(node: Pullback<A>, i: number, cotangent: Value): Value {
  // Beside scalars alone an operand keeps its shape, even one of unknown rank.
  const alone = node.inputs.every((other, j) => j === i || (other ?? node.y).shape?.length === 0);
  return alone ? cotangent : sumTo(cotangent, node.input(i), node.y);
}
