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
    const path = this.#below(name);
    const count = this.#counts.get(path) ?? 0;
    this.#counts.set(path, count + 1);
    const top = this.#current === "";
    return this.#run(count > 0 || (numbered && top) ? `${path}_${count}` : path, build);
  }

  /** Runs `build` in a scope that may have been left before, under the current one. */
  resume<Result>(path: string, build: () => Result): Result {
    return this.#run(this.#below(path), build);
  }

  #below(name: string): string {
    return this.#current === "" ? name : `${this.#current}/${name}`;
  }

  #run<Result>(path: string, build: () => Result): Result {
    const outer = this.#current;
    this.#current = path;
    try {
      return build();
    } finally {
      this.#current = outer;
    }
  }
}
