import { GraphError } from "../../builder/errors.ts";
import type { Method } from "../options.ts";
import type { SoftMethod } from "./method.ts";
import { neuralsort } from "./neuralsort.ts";
import { softsort } from "./softsort.ts";

/** The methods there are. Adding one is a file and a line here. */
const methods: { readonly [Name in Method]?: SoftMethod } = { softsort, neuralsort };

/** One ability of a method.
 * @throws GraphError if the method is not there yet, or cannot do that */
export function methodFor<Ability extends keyof SoftMethod>(
  operator: string,
  name: Method,
  ability: Ability,
): NonNullable<SoftMethod[Ability]> {
  const found = methods[name];
  if (found === undefined) {
    throw new GraphError(
      operator,
      `method "${name}" is not available yet; use ${choices(ability)}`,
    );
  }
  const able = found[ability];
  if (able === undefined) {
    throw new GraphError(operator, `method "${name}" has no ${ability}; use ${choices(ability)}`);
  }
  return able;
}

function choices(ability: keyof SoftMethod): string {
  return Object.entries(methods)
    .filter(([, method]) => method[ability] !== undefined)
    .map(([name]) => `"${name}"`)
    .join(" or ");
}
