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
  readonly #taken = new Set<string>();
  readonly #takenByNodes = new Set<string>();
  readonly #counts = new Map<string, number>();

  constructor(source?: ModelSource) {
    this.#source = source;
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
    return this.#taken.has(name) || this.#source?.isTaken(name) === true;
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
    const unique = this.#unique(name, this.#takenByNodes);
    this.#takenByNodes.add(unique);
    return unique;
  }

  /** A name that nothing has yet, close to the wanted one. */
  fresh(name: string): string {
    const unique = this.#unique(name, this.#taken);
    this.#taken.add(unique);
    return unique;
  }

  #known(value: Value): string | undefined {
    return this.#values.get(value) ?? this.#source?.nameOf(value);
  }

  #unique(name: string, others: ReadonlySet<string>): string {
    const taken = (wanted: string) => others.has(wanted) || this.#source?.isTaken(wanted) === true;
    if (!taken(name)) return name;
    let count = this.#counts.get(name) ?? 1;
    while (taken(`${name}_${count}`)) count++;
    this.#counts.set(name, count + 1);
    return `${name}_${count}`;
  }
}

function wanted(value: Value): string {
  if (value.origin.kind === "constant") return constantName(value);
  return join(value.producer?.scope ?? "", value.hint);
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
