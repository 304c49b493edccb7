import { describe, nearest } from "../../builder/errors.ts";

/** A part of a recipe, and where it stands in it: for errors that say so. */
export class Checked {
  readonly #value: unknown;
  /** `network[1].dense` */
  readonly path: string;

  constructor(value: unknown, path: string) {
    this.#value = value;
    this.path = path;
  }

  get given(): boolean {
    return this.#value !== undefined;
  }

  fail(expected: string): never {
    if (this.#value === undefined) throw new RecipeError(`${this.path} is missing: ${expected}`);
    const place = this.path === "" ? "the recipe" : this.path;
    throw new RecipeError(`${place}: expected ${expected}, got ${describe(this.#value)}`);
  }

  text(expected = "a text"): string {
    return typeof this.#value === "string" && this.#value !== ""
      ? this.#value
      : this.fail(expected);
  }

  number(expected: string, accepts: (n: number) => boolean): number {
    return typeof this.#value === "number" && accepts(this.#value)
      ? this.#value
      : this.fail(expected);
  }

  count(expected = "a whole number from 1"): number {
    return this.number(expected, (n) => Number.isSafeInteger(n) && n >= 1);
  }

  /** One of some words. */
  word<Word extends string>(words: readonly Word[]): Word {
    const word = words.find((each) => each === this.#value);
    if (word !== undefined) return word;
    const near = nearest(String(this.#value), words);
    const expected = words.map((each) => `"${each}"`).join(", ");
    return this.fail(near === undefined ? expected : `${expected} (did you mean "${near}"?)`);
  }

  list(expected = "a list"): Checked[] {
    return Array.isArray(this.#value)
      ? this.#value.map((item, i) => new Checked(item, `${this.path}[${i}]`))
      : this.fail(expected);
  }

  texts(): string[] {
    const list = this.list("a list of texts").map((item) => item.text());
    const twice = list.find((item, i) => list.indexOf(item) < i);
    if (twice !== undefined) throw new RecipeError(`${this.path} has "${twice}" twice`);
    return list;
  }

  get isText(): boolean {
    return typeof this.#value === "string";
  }

  /** The entries of an object, none of an unknown name. */
  fields<Name extends string>(names: readonly Name[]): Record<Name, Checked> {
    const value = this.record();
    for (const key of Object.keys(value)) {
      if ((names as readonly string[]).includes(key)) continue;
      const near = nearest(key, names);
      const advice =
        near === undefined ? `it takes ${names.join(", ")}` : `did you mean "${near}"?`;
      throw new RecipeError(`${this.#at(key)} is unknown; ${advice}`);
    }
    const entries = names.map((name) => {
      const entry = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
      return [name, new Checked(entry, this.#at(name))] as const;
    });
    return Object.fromEntries(entries) as Record<Name, Checked>;
  }

  /** The entries of an object but those named, as they are: options of a function, which checks them. */
  rest(names: readonly string[]): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(this.record()).filter(([name]) => !names.includes(name)),
    );
  }

  record(): object {
    const value = this.#value;
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value
      : this.fail("an object, { … }");
  }

  #at(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }
}

/** A recipe that cannot be followed. */
export class RecipeError extends Error {
  override readonly name = "RecipeError";
}
