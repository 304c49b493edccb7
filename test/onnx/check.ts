import { readFileSync } from "node:fs";
import { toBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema } from "onnx-buf";
import { dependsOn, Graph, vjp } from "softonnx";
import type { Block, Node } from "../../src/builder/block.ts";
import { subgraphsOf } from "../../src/builder/block.ts";
import { isFloating } from "../../src/builder/dtype.ts";
import { schemaOf } from "../../src/builder/operators/known.ts";
import type { TensorData } from "../../src/builder/tensor.ts";
import type { Value } from "../../src/builder/value.ts";
import { decodeModel, type NodeCase, tensorOf } from "./case.ts";
import { placesIn, type Steps, slopeAt, weightsOf } from "./differences.ts";
import { type Bare, inPrecision, numbersIn, type Precision, tensorIn } from "./floats.ts";
import { NodeSession, type Tensors } from "./session.ts";

/** What became of a case. */
export interface Outcome {
  readonly name: string;
  readonly status:
    | "passed"
    | "failed"
    /** ONNX Runtime cannot load the file as it came, or Node has no such tensors; it was read and written. */
    | "not runnable"
    /** Read, written back and run; but nothing here looks into some operator. */
    | "unsupported";
  /** Why it failed, or what ONNX Runtime says, or which operators. */
  readonly why: string;
  /** What was found of its gradient, where it has one. */
  readonly gradient: string;
}

export interface CheckOptions {
  /** Of each input so many elements at most are differentiated by. */
  readonly places: number;
  /** Other cases by name: what a case says in one operator, `NAME_expanded` says in simpler ones. */
  readonly find: (name: string) => NodeCase | undefined;
}

/** Derivatives of a case that were computed elsewhere, by the inputs' names: see float64/values.py. */
type Stored = Readonly<Record<string, Slopes>>;

interface Slopes {
  /** Along `weightsOf` with phases 2.1, 3.1 and so on. */
  readonly slopes: readonly number[];
  /** The elements that the directions leave out. */
  readonly kinks?: readonly number[];
}

const stored: Readonly<Record<string, Stored>> = JSON.parse(
  readFileSync("test/onnx/float64/values.json", "utf8"),
);

class Failure extends Error {}

/** Checks one of ONNX's node tests: it is read, written back without a change, and gives in ONNX Runtime
 * what it must; what is inferred of its results is so; its symbolic gradients are central differences. */
export async function checkCase(nodeCase: NodeCase, options: CheckOptions): Promise<Outcome> {
  const { name } = nodeCase;
  const outcome = (status: Outcome["status"], why = "", gradient = ""): Outcome => {
    return { name, status, why: why.replaceAll(/\s+/g, " ").trim(), gradient };
  };
  try {
    const model = decodeModel(nodeCase.model);
    const version = versionOf(model);
    if (version < 7 || version > 26) return outcome("unsupported", `opset ${version}`);
    const graph = Graph.fromModel(nodeCase.model);
    const written = graph.toModel();
    checkUnchanged(model, written);
    const unsupported = unsupportedIn(graph);
    const ran = await runAsWritten(nodeCase, model, written);
    if (unsupported.length > 0) return outcome("unsupported", unsupported.join(", "));
    checkInferred(nodeCase, model);
    if (typeof ran === "string") return outcome("not runnable", ran);
    return outcome("passed", "", await checkGradients(nodeCase, model, options));
  } catch (error) {
    return outcome("failed", messageOf(error));
  }
}

/** The version of ai.onnx that a model is written in; 18 if it has nothing of it. */
function versionOf(model: ModelProto): number {
  const opset = model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx");
  return Number(opset?.version ?? 18n);
}

function checkUnchanged(model: ModelProto, written: Uint8Array): void {
  const [before, after] = [bytesOf(model), bytesOf(decodeModel(written))];
  if (before.length !== after.length || before.some((byte, i) => byte !== after[i])) {
    throw new Failure("what is written differs from what was read");
  }
}

/** The operators that the builder does not know, or of which it could not make sense. */
function unsupportedIn(graph: Graph): string[] {
  const names = new Set<string>();
  const visit = (block: Block) => {
    for (const node of block.nodes) {
      if (!isUnderstood(node)) names.add(describe(node));
      subgraphsOf(node.attributes).forEach(visit);
    }
  };
  visit(graph.root);
  return [...names].sort();
}

/** An operator, and why it was not understood if it is known. */
function describe(node: Node): string {
  const { op: operator, domain, inputs, attributes, outputs, block } = node;
  const schema = domain === "" ? schemaOf(operator) : undefined;
  if (schema === undefined) return domain === "" ? operator : `${domain}.${operator}`;
  const { opset } = outputs[0]?.graph ?? block.outputs[0]?.graph ?? { opset: 0 };
  try {
    schema.normal({ operator, inputs, attributes, opset, outputCount: outputs.length });
    return `${operator} (its inputs are not understood)`;
  } catch (error) {
    return `${operator} (${messageOf(error)})`;
  }
}

function isUnderstood(node: Node): boolean {
  return node.normal !== undefined || node.definition !== undefined;
}

/** Runs what was written; gives what ONNX Runtime says where it cannot. */
async function runAsWritten(
  nodeCase: NodeCase,
  model: ModelProto,
  written: Uint8Array,
): Promise<string | undefined> {
  const feeds = feedsOf(nodeCase, model);
  if (typeof feeds === "string") return feeds;
  const wanted = outputsOf(nodeCase, model);
  if (typeof wanted === "string") return wanted;
  const run = async (bytes: Uint8Array) => {
    const session = await NodeSession.of(bytes);
    try {
      return await session.run(feeds);
    } finally {
      await session.release();
    }
  };
  let found: Tensors;
  try {
    found = await run(nodeCase.model);
  } catch (error) {
    return messageOf(error);
  }
  const difference = differenceOf(found, wanted);
  if (difference !== undefined) return `ONNX Runtime gives other results: ${difference}`;
  const ours = differenceOf(await run(written), wanted);
  if (ours !== undefined && !isRandom(model)) throw new Failure(`results: ${ours}`);
  return undefined;
}

/** What onnxruntime-node has tensors of. (Of int4 and uint4 it says so, but then reads past them.) */
const NODE_TYPES: ReadonlySet<string> = new Set([
  ...["float16", "float32", "float64", "bool", "string"],
  ...["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"],
]);

function feedsOf(nodeCase: NodeCase, model: ModelProto): Tensors | string {
  const feeds: Record<string, Bare> = {};
  // Inputs that the file gives a value as well, old files' weights, are not fed.
  const given = new Set(model.graph?.initializer.map(({ name }) => name));
  for (const [i, { name }] of (model.graph?.input ?? []).entries()) {
    if (given.has(name) || nodeCase.inputs[i] === undefined) continue;
    const tensor = tensorOf(nodeCase, model, "input", i);
    if (tensor === undefined) return `Node cannot feed "${name}", which is no tensor`;
    if (!NODE_TYPES.has(tensor.dtype))
      return `Node cannot feed "${name}", which is ${tensor.dtype}`;
    feeds[name] = tensor;
  }
  return feeds;
}

function outputsOf(nodeCase: NodeCase, model: ModelProto): Tensors | string {
  const outputs: Record<string, Bare> = {};
  for (const [i, { name }] of (model.graph?.output ?? []).entries()) {
    const tensor = tensorOf(nodeCase, model, "output", i);
    if (tensor === undefined) return `Node cannot read "${name}", which is no tensor`;
    if (!NODE_TYPES.has(tensor.dtype))
      return `Node cannot read "${name}", which is ${tensor.dtype}`;
    outputs[name] = tensor;
  }
  return outputs;
}

/** The operators whose results are other ones every time. */
const RANDOM = /^(Random|Bernoulli|Multinomial)/;

function isRandom(model: ModelProto): boolean {
  const isOf = (nodes: readonly { opType: string }[] = []) =>
    nodes.some(({ opType }) => RANDOM.test(opType));
  return isOf(model.graph?.node) || model.functions.some(({ node }) => isOf(node));
}

/** ONNX's own tolerances for its tests, and those of 16 bits. */
const TOLERANCE = { relative: 1e-3, absolute: 1e-5 };
const HALF_TOLERANCE = { relative: 1e-2, absolute: 1e-3 };

function differenceOf(found: Tensors, wanted: Tensors): string | undefined {
  for (const [name, expected] of Object.entries(wanted)) {
    const actual = found[name] as Bare;
    if (actual.dims.join() !== expected.dims.join()) {
      return `${name} is [${actual.dims}] for [${expected.dims}]`;
    }
    if (expected.dtype === "string") {
      if (String(actual.elements) !== String(expected.elements)) return `${name} has other strings`;
      continue;
    }
    const half = expected.dtype === "float16" || expected.dtype === "bfloat16";
    const { relative, absolute } = half ? HALF_TOLERANCE : TOLERANCE;
    const [a, b] = [numbersIn(actual), numbersIn(expected)];
    const at = b.findIndex((y, i) => {
      const x = a[i] as number;
      return !(Object.is(x, y) || x === y || Math.abs(x - y) <= absolute + relative * Math.abs(y));
    });
    if (at >= 0) return `${name}[${at}] is ${a[at]} for ${b[at]}`;
  }
  return undefined;
}

/** What is inferred from the inputs alone must be so: the file's own word on it is left out. */
function checkInferred(nodeCase: NodeCase, model: ModelProto): void {
  const graph = Graph.fromModel(bytesOf(inPrecision(model, "float32")));
  for (const [i, { name }] of (model.graph?.output ?? []).entries()) {
    const value = graph.outputs.get(name) as Value;
    const actual = tensorOf(nodeCase, model, "output", i);
    if (actual === undefined) continue;
    if (!isFloating(actual.dtype) && value.dtype !== "unknown" && value.dtype !== actual.dtype) {
      throw new Failure(`${name} is inferred as ${value.dtype} for ${actual.dtype}`);
    }
    const { shape } = value;
    const fits =
      shape === undefined ||
      (shape.length === actual.dims.length &&
        shape.every((dim, axis) => typeof dim !== "number" || dim === actual.dims[axis]));
    if (!fits) throw new Failure(`${name} is inferred as [${shape}] for [${actual.dims}]`);
  }
}

/** Where a rule is not the derivative of the values, by agreement. */
const BY_AGREEMENT: Readonly<Record<string, string>> = {
  QuantizeLinear: "straight through the rounding",
  DequantizeLinear: "straight through the rounding",
  DynamicQuantizeLinear: "straight through the rounding",
};

const DOUBLE: Steps = { length: 1e-4, sides: 3e-2, lengths: 1e-5 };
const SINGLE: Steps = { length: 2e-2, sides: 3e-1, lengths: 1e-2 };

/** Compares the gradients of all floating outputs by all floating inputs, and says how. */
async function checkGradients(
  nodeCase: NodeCase,
  model: ModelProto,
  options: CheckOptions,
): Promise<string> {
  if (isRandom(model)) return "none: random";
  const agreed = model.graph?.node.find(({ opType }) => Object.hasOwn(BY_AGREEMENT, opType));
  if (agreed !== undefined) return `not compared: ${BY_AGREEMENT[agreed.opType]}`;
  const symbolic = await symbolicGradients(nodeCase, model);
  if (typeof symbolic === "string") return symbolic;
  const slopes = stored[nodeCase.name.replace(/_expanded$/, "")] ?? {};
  checkStored(symbolic, slopes);
  const numeric = await valuesToDiffer(nodeCase, model, options);
  const steps = numeric.precision === "float64" ? DOUBLE : SINGLE;
  const exact = numeric.precision === "float64" && symbolic.precision === "float64";
  const tolerance = exact ? 1e-6 : numeric.precision === "float64" ? 1e-3 : 5e-3;
  let [compared, kinks] = [0, 0];
  try {
    const weighted = { ...numeric, weights: symbolic.weights };
    for (const [name, gradient] of Object.entries(symbolic.gradients)) {
      if (numeric.precision === "float32" && Object.hasOwn(slopes, name)) continue;
      const row = numbersIn(gradient);
      for (const at of placesIn(row.length, options.places)) {
        const slope = await slopeAt(weighted, name, at, steps);
        if (slope === undefined) {
          kinks++;
          continue;
        }
        const found = row[at] as number;
        // A softmax of a row that is masked as a whole, say, of which a Where takes nothing.
        if (Number.isNaN(found) && (await hasNaNInside(numeric))) {
          kinks++;
          continue;
        }
        compared++;
        if (!(Math.abs(found - slope) <= tolerance * Math.max(1, Math.abs(slope)))) {
          throw new Failure(
            `gradient by ${name}[${at}] is ${found} (${symbolic.precision}) ` +
              `for ${slope} (${numeric.precision})`,
          );
        }
      }
    }
  } finally {
    await numeric.session.release();
  }
  const against = symbolic.precision === numeric.precision ? "" : ` against ${numeric.precision}`;
  const left = kinks === 0 ? "" : `, ${kinks} at kinks`;
  const inputs = Object.keys(slopes).length;
  const others = inputs === 0 ? "" : `, ${inputs} inputs with stored float64 values`;
  return `${symbolic.precision}${against}: ${compared} compared${left}${others}`;
}

/** Compares gradients with stored derivatives along fixed directions. */
function checkStored({ gradients, precision }: Symbolic, slopes: Stored): void {
  const tolerance = precision === "float64" ? 1e-7 : 1e-5;
  for (const [name, { slopes: expected, kinks = [] }] of Object.entries(slopes)) {
    const row = numbersIn(gradients[name] as Bare);
    for (const [k, slope] of expected.entries()) {
      const direction = weightsOf(row.length, 2.1 + k);
      for (const at of kinks) direction[at] = 0;
      let [found, size] = [0, 1];
      for (const [at, part] of row.entries()) {
        if (direction[at] === 0) continue;
        found += part * (direction[at] as number);
        size += Math.abs(part * (direction[at] as number));
      }
      if (!(Math.abs(found - slope) <= tolerance * size)) {
        throw new Failure(
          `gradient by ${name} along direction ${k} is ${found} (${precision}) for ${slope} (stored)`,
        );
      }
    }
  }
}

interface Symbolic {
  readonly precision: Precision;
  readonly weights: Readonly<Record<string, Float64Array>>;
  readonly gradients: Tensors;
}

/** The symbolic gradients at the case's own point, in float64 if ONNX Runtime has the kernels; or why
 * there are none. */
async function symbolicGradients(
  nodeCase: NodeCase,
  model: ModelProto,
): Promise<Symbolic | string> {
  let problem: unknown;
  for (const precision of ["float64", "float32"] as const) {
    const graph = Graph.fromModel(bytesOf(inPrecision(model, precision)));
    const feeds = feedsIn(nodeCase, model, precision);
    const xs = floatingOf(graph.inputs).filter(([name]) => feeds[name] !== undefined);
    const ys = floatingOf(graph.outputs).filter(([, y]) => xs.some(([, x]) => dependsOn(y, x)));
    if (xs.length === 0 || ys.length === 0) return "none: no floating output of a floating input";
    const weights: Record<string, Float64Array> = {};
    const cotangents = ys.map(([name, y], k) => {
      const index = model.graph?.output.findIndex((output) => output.name === name) as number;
      const expected = tensorOf(nodeCase, model, "output", index) as TensorData;
      const { dims } = expected;
      const numbers = numbersIn(expected);
      const row = weightsOf(numbers.length, 0.4 + k).map((weight, i) =>
        Number.isFinite(numbers[i]) ? weight : 0,
      );
      weights[name] = row;
      const cotangent = graph.input(`cotangent_${k}`, y.dtype, dims);
      feeds[`cotangent_${k}`] = tensorIn({ dtype: "float64", dims, elements: row }, precision);
      return cotangent;
    });
    const gradients = gradientsOf(ys, xs, cotangents);
    if (typeof gradients === "string") return gradients;
    const outputs = Object.fromEntries(gradients.map((dx, i) => [`gradient_${i}`, dx]));
    const bytes = graph.toModel({ outputs });
    try {
      const [plain, optimized] = [
        await runOnce(bytes, feeds, "disabled"),
        await runOnce(bytes, feeds),
      ];
      const byName = (found: Tensors) =>
        Object.fromEntries(xs.map(([name], i) => [name, found[`gradient_${i}`] as Bare]));
      const difference = differenceOf(byName(optimized), byName(plain));
      if (difference !== undefined) {
        throw new Failure(`gradients at levels "all" and "disabled": ${difference}`);
      }
      for (const [name, { dims }] of Object.entries(byName(plain))) {
        if (dims.join() !== feeds[name]?.dims.join()) {
          throw new Failure(`the gradient by ${name} is [${dims}] for [${feeds[name]?.dims}]`);
        }
      }
      return { precision, weights, gradients: byName(plain) };
    } catch (error) {
      if (error instanceof Failure) throw error;
      problem = error;
    }
  }
  throw new Failure(`the gradient does not run: ${messageOf(problem)}`);
}

type Named = readonly (readonly [name: string, value: Value])[];

function gradientsOf(ys: Named, xs: Named, cotangents: readonly Value[]): Value[] | string {
  const values = (named: Named) => named.map(([, value]) => value);
  try {
    return vjp(values(ys), values(xs), cotangents);
  } catch (error) {
    const message = messageOf(error);
    // That a rule is missing is for the tables to say; that it is wrong is a failure.
    if (!message.includes("cannot be differentiated")) throw error;
    return `no rule: ${message.replace(/^.*cannot be differentiated: /, "").replace(/; give it.*/, "")}`;
  }
}

async function runOnce(bytes: Uint8Array, feeds: Tensors, level: "disabled" | "all" = "all") {
  const session = await NodeSession.of(bytes, level);
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

function floatingOf(values: ReadonlyMap<string, Value>): [string, Value][] {
  return [...values].filter(([, value]) => isFloat(value));
}

function isFloat({ dtype }: Value): boolean {
  return dtype === "float32" || dtype === "float64";
}

/** Whether some value on the way is not a number at the point: such a function has no derivative there in
 * any rule that multiplies. */
async function hasNaNInside({ bytes, feeds }: { bytes: Uint8Array; feeds: Tensors }) {
  const graph = Graph.fromModel(bytes);
  const inner = graph.root.nodes.flatMap(({ outputs }) => outputs).filter(isFloat);
  const outputs = Object.fromEntries(inner.map((value, i) => [`inner_${i}`, value]));
  const found = await runOnce(graph.toModel({ outputs }), feeds, "disabled");
  return Object.values(found).some((tensor) => numbersIn(tensor).some(Number.isNaN));
}

/** The model in float64, or its expanded sibling if only that runs so, or in float32. */
async function valuesToDiffer(nodeCase: NodeCase, model: ModelProto, options: CheckOptions) {
  const expanded = options.find(`${nodeCase.name}_expanded`);
  const candidates: readonly (readonly [NodeCase | undefined, Precision])[] = [
    [nodeCase, "float64"],
    [expanded, "float64"],
    [nodeCase, "float32"],
  ];
  let problem: unknown;
  for (const [each, precision] of candidates) {
    if (each === undefined) continue;
    const itsModel = each === nodeCase ? model : decodeModel(each.model);
    const feeds = feedsIn(each, itsModel, precision);
    try {
      const bytes = bytesOf(inPrecision(itsModel, precision));
      const session = await NodeSession.of(bytes);
      const wanted = outputsOf(each, itsModel) as Tensors;
      // What computes with another precision inside may turn out otherwise in this one.
      const difference = differenceOf(await session.run(feeds), wanted);
      if (difference === undefined) return { session, bytes, feeds, precision };
      await session.release();
      problem = new Failure(`in ${precision} ${difference}`);
    } catch (error) {
      problem = error;
    }
  }
  throw new Failure(`the values to differentiate do not run: ${messageOf(problem)}`);
}

function feedsIn(
  nodeCase: NodeCase,
  model: ModelProto,
  precision: Precision,
): Record<string, Bare> {
  const feeds = feedsOf(nodeCase, model) as Tensors;
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => [name, tensorIn(tensor, precision)]),
  );
}

function bytesOf(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
