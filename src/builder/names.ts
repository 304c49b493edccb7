import type { Node } from "./block.ts";
import type { ModelSource } from "./source.ts";
import type { Value } from "./value.ts";

/** Segments of a name in a file: `median_0/sort/softmax`. What lies deeper is left out. */
const SEGMENTS = 3;

/** Gives values and nodes their names in a file: unique, telling where they come from, and never
 * shadowing another name, which ONNX forbids across nested subgraphs. */
export class Names {
  /** The model that the graph was read from: its names are settled. */
  readonly #source: ModelSource | undefined;
  readonly #values = new Map<Value, string>();
  readonly #taken: TakenNames;
  readonly #takenByNodes: TakenNames;

  constructor(source?: ModelSource) {
    this.#source = source;
    this.#taken = new TakenNames(source);
    this.#takenByNodes = new TakenNames(source);
  }

  /** Settles the name of a value whose name the user gave. */
  claim(value: Value, name: string): void {
    this.#values.set(value, name);
    this.#taken.add(name);
  }

  /** Keeps a name from being given to anything. */
  reserve(name: string): void {
    this.#taken.add(name);
  }

  has(value: Value): boolean {
    return this.#known(value) !== undefined;
  }

  isTaken(name: string): boolean {
    return this.#taken.has(name);
  }

  /** The name of a value, made of its scope and hint when it is first asked for. */
  of(value: Value): string {
    const known = this.#known(value);
    if (known !== undefined) return known;
    const name = this.fresh(wanted(value));
    this.#values.set(value, name);
    return name;
  }

  /** The name of a node: that of its operator in its scope. */
  ofNode(node: Node): string {
    return this.freshNode(join(node.scope, node.op));
  }

  /** A name that no node has yet, close to the wanted one. */
  freshNode(name: string): string {
    return this.#takenByNodes.unique(name);
  }

  /** A name that nothing has yet, close to the wanted one. */
  fresh(name: string): string {
    return this.#taken.unique(name);
  }

  #known(value: Value): string | undefined {
    return this.#values.get(value) ?? this.#source?.nameOf(value);
  }
}

class TakenNames {
  readonly #source: ModelSource | undefined;
  readonly #names = new Set<string>();
  /** How often a name was wanted, of those that are taken. */
  readonly #counts = new Map<string, number>();

  constructor(source: ModelSource | undefined) {
    this.#source = source;
  }

  add(name: string): void {
    this.#names.add(name);
  }

  has(name: string): boolean {
    return this.#names.has(name) || this.#source?.isTaken(name) === true;
  }

  /** Takes a name close to the wanted one. */
  unique(name: string): string {
    let count = this.#counts.get(name) ?? 0;
    let unique = name;
    if (count > 0 || this.has(name)) {
      do {
        count++;
        unique = `${name}_${count}`;
      } while (this.has(unique));
      this.#counts.set(name, count);
    }
    this.#names.add(unique);
    return unique;
  }
}

function wanted(value: Value): string {
  if (value.origin.kind === "constant") return constantName(value);
  // A result that its model leaves out has no name.
  const hint = value.hint || `${value.producer?.op}_result`;
  return join(value.producer?.scope ?? "", hint);
}

function constantName(value: Value): string {
  const { data } = value;
  if (value.hint !== "constant" || data === undefined) return value.hint;
  if (data.size > 4 || data.source !== undefined) return `constant/${data.dtype}`;
  const text = data.dtype === "float32" ? shortest : String;
  return `constant/${Array.from(data.elements as ArrayLike<number>, text).join("_")}`;
}

/** The fewest digits that tell a float32 from its neighbours: 0.1, not 0.10000000149011612. */
function shortest(x: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(x.toPrecision(digits));
    if (Math.fround(rounded) === x) return String(rounded);
  }
  return String(x);
}

function join(scope: string, name: string): string {
  if (scope === "") return name;
  return [...scope.split("/").slice(0, SEGMENTS - 1), name].join("/");
}
