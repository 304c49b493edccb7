import { GraphError } from "../../builder/errors.ts";
import type { Method, SoftMode } from "../options.ts";
import { fastSoftSort } from "./fast-soft-sort.ts";
import type { SoftMethod } from "./method.ts";
import { neuralsort } from "./neuralsort.ts";
import { ot } from "./ot.ts";
import { smoothSort } from "./smooth-sort.ts";
import { softsort } from "./softsort.ts";
import { sortingNetwork } from "./sorting-network.ts";

/** The methods there are. Adding one is a file and a line here. */
const methods: { readonly [Name in Method]?: SoftMethod } = {
  softsort,
  neuralsort,
  ot,
  fastSoftSort,
  sortingNetwork,
  smoothSort,
};

type Ability = Exclude<keyof SoftMethod, "modes">;

/** What users call the abilities. */
const NAMES: Readonly<Record<Ability, string>> = {
  rows: "soft indices",
  ranks: "ranks",
  values: "values",
};

/** One ability of a method.
 * @throws GraphError if the method is not there yet, or cannot do that, or not in that mode */
export function methodFor<Wanted extends Ability>(
  operator: string,
  name: Method,
  mode: SoftMode,
  ability: Wanted,
): NonNullable<SoftMethod[Wanted]> {
  const able = findMethod(operator, name, mode, ability)[ability];
  if (able === undefined) {
    throw new GraphError(
      operator,
      `method "${name}" has no ${NAMES[ability]}; use ${choices(ability)}`,
    );
  }
  return able;
}

/** A method with what it can do.
 * @param ability what it is wanted for, to name others that can
 * @throws GraphError if the method is not there yet, or not in that mode */
export function findMethod(
  operator: string,
  name: Method,
  mode: SoftMode,
  ability: Ability,
): SoftMethod {
  const found = methods[name];
  if (found === undefined) {
    throw new GraphError(
      operator,
      `method "${name}" is not available yet; use ${choices(ability)}`,
    );
  }
  if (found.modes?.includes(mode) === false) {
    const modes = found.modes.map((one) => `"${one}"`).join(" or ");
    throw new GraphError(operator, `mode: expected ${modes} for method "${name}", got "${mode}"`);
  }
  return found;
}

/** The methods that have an ability; those with rows have values too. */
function choices(ability: Ability): string {
  return Object.entries(methods)
    .filter(([, method]) => method[ability] ?? (ability === "values" && method.rows))
    .map(([name]) => `"${name}"`)
    .join(" or ");
}
