import { isValue } from "./lift.ts";
import type { Value } from "./value.ts";

/** How a result of a soft operator is had in its hard form. */
interface HardForm {
  /** Applies the operator once more, in mode "hard", to the same operands. */
  readonly build: () => unknown;
  /** The names that lead to the result in what `build` gives. */
  readonly path: readonly string[];
}

const forms = new WeakMap<Value, HardForm>();

/** Notes how the Values in a result are had in their hard form. Of operators that are made of others, the
 * outermost counts. */
export function noteHardForm(result: unknown, build: () => unknown): void {
  note(result, build, []);
}

/** The hard form of what a soft operator gave, made now; undefined for other values. */
export function hardFormOf(value: Value): Value | undefined {
  const form = forms.get(value);
  if (form === undefined) return undefined;
  const built = form.path.reduce<unknown>(
    (at, name) => Reflect.get(at as object, name),
    form.build(),
  );
  return isValue(built) ? built : undefined;
}

function note(result: unknown, build: () => unknown, path: readonly string[]): void {
  if (isValue(result)) forms.set(result, { build, path });
  else if (typeof result === "object" && result !== null) {
    for (const [name, part] of Object.entries(result)) note(part, build, [...path, name]);
  }
}
