import { formatShape } from "../builder/dim.ts";
import { isFloating, type TypedArray } from "../builder/dtype.ts";
import { bytesOfTensor } from "../runtime/element-bytes.ts";
import { formatSafeTensors, parseSafeTensors, SafeTensorsError } from "../runtime/safetensors.ts";
import type { TensorConstructor, TensorInfo, Tensors } from "../runtime/session.ts";
import { type Fingerprint, fingerprintDifference } from "./fingerprint.ts";
import type { Position } from "./fit.ts";
import { hashOf } from "./hash.ts";

/** A checkpoint that cannot be used: damaged, of another kind, or of another graph. */
export class CheckpointError extends Error {
  override readonly name: string = "CheckpointError";
}

/** How the fit that a checkpoint belongs to goes through its data. */
export interface FitFacts {
  /** Epochs that were done before it. */
  readonly from: number;
  readonly seed: number;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly dropLast: boolean;
  /** Samples to train on; null for a stream. */
  readonly samples: number | null;
  /** Whether early stopping has ended it. */
  readonly stopped: boolean;
}

/** All that training needs to go on. */
export interface Checkpoint {
  readonly state: Tensors;
  /** The parameters of the best epoch, where early stopping is to end with those. */
  readonly best: Tensors | undefined;
  readonly position: Position;
  /** undefined where no fit is under way. */
  readonly fit: FitFacts | undefined;
  readonly graph: Fingerprint;
}

const FORMAT = "softonnx checkpoint 1";

/** The prefix of the best parameters, which no parameter's name begins with where it is free. */
const BEST = "best/";

/** A checkpoint as a safetensors file: parameters and what the optimizer keeps by their names, the rest as
 * metadata. */
export function formatCheckpoint(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  const { state, best, position, fit, graph } = checkpoint;
  const tensors = { ...state };
  let prefix = BEST;
  while (Object.keys(state).some((name) => name.startsWith(prefix))) prefix = `_${prefix}`;
  for (const [name, tensor] of Object.entries(best ?? {})) tensors[prefix + name] = tensor;
  const facts = { position, fit: fit ?? null, graph, best: best === undefined ? null : prefix };
  const training = toJson(facts);
  const metadata = { format: FORMAT, training, sum: sumOf(tensors, training) };
  return formatSafeTensors({ tensors, metadata });
}

/** Reads a checkpoint.
 *
 * @param name of the checkpoint, for errors
 * @throws CheckpointError for bytes that are none, or that have changed since they were written */
export function parseCheckpoint(
  name: string,
  bytes: Uint8Array,
  Tensor: TensorConstructor,
): Checkpoint {
  const fail = (problem: string): never => {
    throw new CheckpointError(`the checkpoint ${name} ${problem}`);
  };
  const file = readFile(bytes, Tensor, fail);
  const { format, training = "", sum } = file.metadata;
  if (format !== FORMAT) {
    fail(`was not written by a trainer: its format is ${JSON.stringify(format ?? null)}`);
  }
  if (sum !== sumOf(file.tensors, training)) {
    fail("is damaged: its contents do not have the sum that they were written with");
  }
  const facts = factsIn(training);
  if (facts === undefined) return fail("does not say how far training is");
  const state: Tensors = {};
  const best: Tensors = {};
  for (const [key, tensor] of Object.entries(file.tensors)) {
    if (facts.best !== null && key.startsWith(facts.best)) {
      best[key.slice(facts.best.length)] = tensor;
    } else state[key] = tensor;
  }
  return {
    state,
    best: facts.best === null ? undefined : best,
    position: facts.position,
    fit: facts.fit ?? undefined,
    graph: facts.graph,
  };
}

/** @throws CheckpointError that lists what differs between a checkpoint and what is to go on from it */
export function checkFits(
  name: string,
  checkpoint: Checkpoint,
  parameters: readonly TensorInfo[],
  graph: Fingerprint | undefined,
): void {
  const problems = stateDifferences(checkpoint.state, parameters);
  if (problems.length > 0) {
    const shown = problems.slice(0, 8).join("; ");
    const more = problems.length > 8 ? `; and ${problems.length - 8} more` : "";
    throw new CheckpointError(`the checkpoint ${name} is of another graph: ${shown}${more}`);
  }
  const difference = graph && fingerprintDifference(checkpoint.graph, graph);
  if (difference === undefined) return;
  throw new CheckpointError(
    `the checkpoint ${name} is of another graph, whose parameters are the same: it has ${difference}; ` +
      "to take it all the same, set otherGraph",
  );
}

/** What differs between how two fits go through their data, in words. */
export function fitDifferences(a: FitFacts, b: FitFacts): string[] {
  const keys = ["samples", "batchSize", "shuffle", "dropLast", "seed"] as const;
  return keys
    .filter((key) => a[key] !== b[key])
    .map((key) => `${key} ${a[key]} instead of ${b[key]}`);
}

/** The first parameter that holds what is no finite number, and did not at the start. */
export function firstNonFinite(
  state: Tensors,
  isExempt: (name: string) => boolean,
): string | undefined {
  for (const [name, { type, data }] of Object.entries(state)) {
    if (!isFloating(type as "float32") || type === "float16" || isExempt(name)) continue;
    if (!allFinite(data as TypedArray)) return name;
  }
  return undefined;
}

export function allFinite(elements: ArrayLike<number | bigint>): boolean {
  for (let i = 0; i < elements.length; i++) {
    if (!Number.isFinite(elements[i])) return false;
  }
  return true;
}

function stateDifferences(state: Tensors, parameters: readonly TensorInfo[]): string[] {
  const problems: string[] = [];
  const wanted = new Map(parameters.map((info) => [info.name, info]));
  for (const { name, dtype, shape } of parameters) {
    const tensor = state[name];
    if (tensor === undefined) problems.push(`it lacks "${name}"`);
    else if (tensor.type !== dtype || String(tensor.dims) !== String(shape)) {
      const [got, expected] = [
        `${tensor.type} ${formatShape(tensor.dims)}`,
        `${dtype} ${formatShape(shape)}`,
      ];
      problems.push(`"${name}" is ${got} instead of ${expected}`);
    }
  }
  for (const name of Object.keys(state)) {
    if (!wanted.has(name)) problems.push(`it has "${name.slice(0, 80)}", which the graph lacks`);
  }
  return problems;
}

function readFile(bytes: Uint8Array, Tensor: TensorConstructor, fail: (problem: string) => never) {
  try {
    return parseSafeTensors(bytes, Tensor);
  } catch (error) {
    if (!(error instanceof SafeTensorsError)) throw error;
    return fail(`is damaged or no checkpoint: ${error.message}`);
  }
}

/** By what the contents of a checkpoint are known again. */
function sumOf(tensors: Tensors, training: string): string {
  const parts = Object.entries(tensors).map(
    ([name, tensor]) => [name, tensor.type, tensor.dims, hashOf(bytesOfTensor(tensor))] as const,
  );
  parts.sort(([a], [b]) => (a < b ? -1 : 1));
  return hashOf(new TextEncoder().encode(JSON.stringify([training, parts])));
}

interface Facts extends Pick<Checkpoint, "position" | "graph"> {
  readonly fit: FitFacts | null;
  readonly best: string | null;
}

/** undefined for a text that is no such thing. */
function factsIn(training: string): Facts | undefined {
  try {
    const facts = fromJson(training) as Facts;
    const { epoch, step, batch, sums, best } = facts.position;
    const counts = [epoch, step, batch, facts.fit?.from ?? 0];
    const whole = counts.every((count) => Number.isSafeInteger(count) && count >= 0);
    const numbers = [sums.samples, best.value, best.since, ...Object.values(sums.totals)];
    const fits = whole && numbers.every((number) => typeof number === "number");
    return fits && typeof facts.graph.hash === "string" ? facts : undefined;
  } catch {
    return undefined;
  }
}

/** JSON has no numbers that are not finite. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_, entry: unknown) =>
    typeof entry === "number" && !Number.isFinite(entry) ? { number: String(entry) } : entry,
  );
}

function fromJson(text: string): unknown {
  return JSON.parse(text, (_, entry: unknown) => {
    const number = typeof entry === "object" && entry !== null && Reflect.get(entry, "number");
    return typeof number === "string" ? Number(number) : entry;
  });
}
