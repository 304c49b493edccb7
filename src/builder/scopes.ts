/** The path of names under which nodes are made, `median_0/sort`. A name used again under the same path
 * gets a number. */
export class Scopes {
  readonly #counts = new Map<string, number>();
  #current = "";

  /** "" at the top. */
  get current(): string {
    return this.#current;
  }

  /** Runs `build` one level deeper.
   * @param numbered number the name from its first use on, if this is the top level */
  within<Result>(name: string, numbered: boolean, build: () => Result): Result {
    const outer = this.#current;
    const path = outer === "" ? name : `${outer}/${name}`;
    const count = this.#counts.get(path) ?? 0;
    this.#counts.set(path, count + 1);
    this.#current = count > 0 || (numbered && outer === "") ? `${path}_${count}` : path;
    try {
      return build();
    } finally {
      this.#current = outer;
    }
  }
}
