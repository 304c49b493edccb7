import { checkArity, checkSizes } from "./arguments.ts";
import { type Attributes, Block, NO_ATTRIBUTES, type Node, subgraphsOf } from "./block.ts";
import type { Definition, TensorType } from "./definition.ts";
import { GraphError } from "./errors.ts";
import type { Graph } from "./graph.ts";
import { noteHardForm } from "./hard-forms.ts";
import { schemaOf } from "./operators/known.ts";
import type { Raising } from "./raise.ts";
import { Scopes } from "./scopes.ts";
import { sharingKey } from "./sharing.ts";
import type { Simplified } from "./simplify.ts";
import type { TensorData } from "./tensor.ts";
import { type Origin, Value } from "./value.ts";

type Simplify = (emission: Emission) => Simplified | undefined;

type Raiser = (raising: Raising) => void;

const NO_VALUES: readonly Value[] = [];

/** What the forms in raise-operators.ts reach: 17 changed no operator. */
const MOST_RAISED = 17;

/** How a node comes to be; every operator function ends here. */
export interface Emission {
  readonly op: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes?: Attributes;
  /** "" (ai.onnx) by default. */
  readonly domain?: string;
  /** Default 1. */
  readonly outputs?: number;
  /** The function that the user called, to name in errors; by default the operator in camelCase. */
  readonly operator?: string;
  readonly definition?: Definition;
  /** Types of the outputs where no schema knows them. */
  readonly types?: readonly TensorType[];
  /** Wanted name of the first output. */
  readonly hint?: string;
}

/** The making of nodes: where they go, how they are named, and which are shared. Graph is this and what
 * the nodes are made between: inputs, parameters, outputs. */
export abstract class Assembly {
  /** The top block. */
  readonly root = new Block();
  readonly #opsets: Map<string, number>;
  readonly #scopes = new Scopes();
  #block = this.root;
  #nextId = 1;
  /** Between the ids of values made one after the other. */
  #idStep = 1;
  /** The opset that this graph was raised from, if it was. */
  #raisedFrom: number | undefined;
  /** Set while the graph may be raised. */
  #raiser: Raiser | undefined;
  #memo: Map<string, Node> | undefined;
  #simplify: Simplify | undefined;
  /** The body that nodes leave where they can. */
  #leaving: Block | undefined;

  constructor(opset: number) {
    this.#opsets = new Map([["", opset]]);
  }

  /** The version of each operator domain; "" is ai.onnx. */
  get opsets(): ReadonlyMap<string, number> {
    return this.#opsets;
  }

  /** The version of ai.onnx that this graph is written in. */
  get opset(): number {
    return this.#opsets.get("") as number;
  }

  /** The block that new nodes go into: the top, or the body being built. */
  get block(): Block {
    return this.#block;
  }

  /** The scope that new nodes are made in: `median_0/sort`. */
  get currentScope(): string {
    return this.#scopes.current;
  }

  /** Makes a node in the current block, inferring the types of its outputs.
   * @throws GraphError if an input is of another graph, inside a closed subgraph, or cannot be right */
  emit(emission: Emission): Node {
    const { op, inputs, attributes = NO_ATTRIBUTES, domain = "", definition } = emission;
    const operator = emission.operator ?? camelCase(op);
    const outputCount = emission.outputs ?? definition?.outputs.length ?? 1;
    for (const input of inputs) if (input !== undefined) this.#requireVisible(operator, input);
    const around = this.#blockAround(emission);
    if (around !== undefined) return this.within(around, () => this.emit(emission));
    const key = this.#memoKey(emission, attributes, outputCount);
    const shared = key === undefined ? undefined : this.#memo?.get(key);
    if (shared) return shared;

    // What is for building alone is in no model.
    if (definition !== undefined && definition.life !== "building") {
      this.importDomain(domain, definition.version);
    }
    const facts = {
      operator,
      inputs,
      attributes,
      outputCount,
      opset: this.#opsets.get(domain) ?? 1,
    };
    const schema = definition === undefined ? schemaOf(op, domain) : undefined;
    let normal: unknown;
    let types = emission.types;
    if (schema !== undefined) {
      checkArity(operator, schema.arity, inputs.length);
      normal = schema.normal(facts);
      types = schema.infer(facts, normal);
      checkSizes(operator, types);
    } else if (definition !== undefined) {
      types = definition.infer(inputs as readonly Value[]);
    }
    const node = this.append({
      op,
      domain,
      inputs,
      attributes,
      normal,
      definition,
      types:
        types ?? new Array<TensorType>(outputCount).fill({ dtype: "unknown", shape: undefined }),
      hints: [emission.hint ?? operator],
    });
    if (key !== undefined) this.#memo?.set(key, node);
    return node;
  }

  /** Adds a node whose types are known to the current block, without inference. */
  append(fields: {
    readonly op: string;
    readonly domain: string;
    readonly inputs: readonly (Value | undefined)[];
    readonly attributes: Attributes;
    readonly normal: unknown;
    readonly definition: Definition | undefined;
    readonly types: readonly TensorType[];
    readonly hints: readonly string[];
    readonly source?: Node["source"];
    /** By default the current one. */
    readonly scope?: string;
    /** The node of the current block that this one stands for from now on. */
    readonly replaces?: Node | undefined;
  }): Node {
    const node: { -readonly [Field in keyof Node]: Node[Field] } = {
      op: fields.op,
      domain: fields.domain,
      block: this.#block,
      scope: fields.scope ?? this.#scopes.current,
      inputs: fields.inputs,
      attributes: fields.attributes,
      outputs: NO_VALUES,
      normal: fields.normal,
      definition: fields.definition,
      source: fields.source,
      replaces: fields.replaces,
    };
    // Not pushed: lists that grow have room for more.
    node.outputs = fields.types.map((type, index) => {
      const hint = fields.hints[index] ?? fields.hints[0] ?? "";
      return this.makeValue({ kind: "node", node, index }, type, hint, this.#block);
    });
    this.#block.nodes.push(node);
    if (fields.replaces !== undefined) this.#block.replaced.set(fields.replaces, node);
    return node;
  }

  /** Groups the nodes that `build` makes under a name; a second use of the name gets a number. Scopes
   * nest; names in the file show at most three.
   *
   * ```ts
   * const h = g.scope("encoder", () => x.matmul(w).add(b).relu());
   * ``` */
  scope<Result>(name: string, build: () => Result): Result {
    return this.#scopes.within(name, false, build);
  }

  /** The scope of one call of a composed operator: numbered from 0 at the top (`median_0`).
   * @param hard applies a soft operator in mode "hard" instead, for exports that ask for that */
  operation<Result>(name: string, build: () => Result, hard?: () => Result): Result {
    const result = this.#scopes.within(name, true, build);
    if (hard !== undefined) noteHardForm(result, hard);
    return result;
  }

  /** Goes on in a scope under the current one, whether or not it was left before. */
  resume<Result>(scope: string, build: () => Result): Result {
    return this.#scopes.resume(scope, build);
  }

  /** Builds the body of a Loop, If or function as a block of its own.
   *
   * @param inputs the types and names of the body's arguments
   * @param build makes the body's results of its arguments */
  body(
    inputs: readonly (TensorType & { readonly hint: string })[],
    build: (...inputs: Value[]) => readonly Value[],
  ): Block {
    const block = new Block(this.#block, this.#newId());
    const outer = this.#block;
    this.#block = block;
    try {
      for (const { hint, dtype, shape, container } of inputs) {
        const type = { dtype, shape, container };
        block.inputs.push(this.makeValue({ kind: "input" }, type, hint, block));
      }
      const results = build(...block.inputs);
      for (const result of results) this.#requireVisible("body", result);
      block.outputs.push(...results);
    } finally {
      this.#block = outer;
    }
    return block;
  }

  /** Runs `build` with new nodes going into a block around the current one.
   * @throws GraphError if that block is closed */
  within<Result>(block: Block, build: () => Result): Result {
    if (!this.#block.sees(block)) throw new GraphError("within", "the block is closed");
    const inner = this.#block;
    this.#block = block;
    try {
      return build();
    } finally {
      this.#block = inner;
    }
  }

  /** Runs `build` with nodes of the current body that read nothing of it going into the block around, to
   * be computed once and not in every round. */
  outsideWherePossible<Result>(build: () => Result): Result {
    const outer = this.#leaving;
    this.#leaving = this.#block;
    try {
      return build();
    } finally {
      this.#leaving = outer;
    }
  }

  /** Runs `build` with equal nodes merged as they are made: for passes that write what no user can hold
   * on to yet, such as the gradient pass. */
  sharing<Result>(build: () => Result): Result {
    if (this.#memo !== undefined) return build();
    this.#memo = new Map();
    try {
      return build();
    } finally {
      this.#memo = undefined;
    }
  }

  /** Runs `build` with nodes that only say something in a longer way not made: for passes that write what no
   * user sees.
   *
   * @param simplify `simplify` (handed in, so that programs without such a pass need not load it) */
  simplifying<Result>(simplify: Simplify, build: () => Result): Result {
    const outer = this.#simplify;
    this.#simplify = simplify;
    try {
      return build();
    } finally {
      this.#simplify = outer;
    }
  }

  /** What to have in place of a node, in such a pass; undefined for the node itself. */
  simpler(emission: Emission): Simplified | undefined {
    return this.#simplify?.(emission);
  }

  /** Runs `build`, for which the graph may be raised to a later opset: for passes that write what the
   * graph's own opset may have no form for.
   *
   * @param raiser `raiseGraph` (handed in, so that programs that never raise one need not load it) */
  raising<Result>(raiser: Raiser, build: () => Result): Result {
    const outer = this.#raiser;
    this.#raiser = raiser;
    try {
      return build();
    } finally {
      this.#raiser = outer;
    }
  }

  /** Whether the graph is, or may be and then is, written in this opset or a later one. */
  reaches(opset: number): boolean {
    const raiser = this.#raiser;
    if (this.opset < opset && raiser && opset <= MOST_RAISED) this.#raise(opset, raiser);
    return this.opset >= opset;
  }

  /** The opset that the graph was written in before a gradient needed a later one; undefined if none did. */
  get raisedFrom(): number | undefined {
    return this.#raisedFrom;
  }

  /** Declares that operators of a domain are used, at a version.
   * @throws GraphError if the domain is in use at another version */
  importDomain(domain: string, version: number): void {
    const known = this.#opsets.get(domain);
    if (known !== undefined && known !== version) {
      throw new GraphError(
        "Graph",
        `the domain "${domain}" is in use at version ${known}, not ${version}`,
      );
    }
    this.#opsets.set(domain, version);
  }

  /** Makes a value of this graph. */
  protected makeValue(origin: Origin, type: TensorType, hint: string, block: Block): Value {
    const { dtype, shape, container } = type;
    const known = origin.kind === "constant" ? sizesIn(origin.data) : undefined;
    const elements = type.elements ?? known;
    const graph = this as unknown as Graph;
    const id = this.#newId();
    return new Value({ graph, block, origin, dtype, shape, elements, container, id, hint });
  }

  #raise(to: number, raiser: Raiser): void {
    const blocks: Block[] = [];
    for (let at: Block | undefined = this.#block; at !== undefined; at = at.parent) blocks.push(at);
    const [memo, leaving, block, from] = [this.#memo, this.#leaving, this.#block, this.opset];
    this.#memo = undefined;
    this.#leaving = undefined;
    try {
      raiser({
        graph: this as unknown as Graph,
        from,
        to,
        blocks,
        begin: () => {
          this.#opsets.set("", to);
          this.#raisedFrom ??= from;
        },
        before: (node, build) => {
          this.#block = node.block;
          return this.#before(node, build);
        },
      });
    } finally {
      this.#memo = memo;
      this.#leaving = leaving;
      this.#block = block;
    }
  }

  #before<Result>(node: Node, build: () => Result): Result {
    const next = this.#nextId;
    // Fractions: whole numbers are taken.
    this.#idStep = 1 / 64;
    this.#nextId = (node.outputs[0]?.id ?? next) - 1 + this.#idStep;
    try {
      return build();
    } finally {
      this.#nextId = next;
      this.#idStep = 1;
    }
  }

  #newId(): number {
    const id = this.#nextId;
    this.#nextId += this.#idStep;
    return id;
  }

  /** The block around the current body, if nodes leave it and this one can. */
  #blockAround({ inputs, attributes = NO_ATTRIBUTES }: Emission): Block | undefined {
    const block = this.#block;
    if (block !== this.#leaving || block.parent === undefined) return undefined;
    const stays = inputs.some((input) => input?.block === block);
    return stays || subgraphsOf(attributes).length > 0 ? undefined : block.parent;
  }

  #requireVisible(operator: string, value: Value): void {
    if ((value.graph as unknown) !== this) {
      throw new GraphError(operator, `${value} belongs to another graph, "${value.graph.name}"`);
    }
    if (!this.#block.sees(value.block)) {
      throw new GraphError(
        operator,
        `${value} is inside a closed subgraph; make it a result of that subgraph to use it here`,
      );
    }
  }

  #memoKey(emission: Emission, attributes: Attributes, outputCount: number): string | undefined {
    // Two nodes that close over different JavaScript differ however equal they look.
    if (this.#memo === undefined || emission.definition?.life === "building") return undefined;
    const { op, domain = "" } = emission;
    const inputs = emission.inputs.map((input) => input?.id);
    const key = sharingKey({ op, domain, attributes, inputs, outputCount });
    return key === undefined ? undefined : `${this.#block.id}:${key}`;
  }
}

/** The elements of a constant that is small enough to say axes or sizes. */
function sizesIn(data: TensorData): readonly number[] | undefined {
  const small = data.dtype === "int64" && data.dims.length <= 1 && data.size <= 64;
  return small && !data.external ? data.toNumbers() : undefined;
}

/** "ReduceSum" as the function is called here: "reduceSum". */
function camelCase(op: string): string {
  return op.charAt(0).toLowerCase() + op.slice(1);
}
