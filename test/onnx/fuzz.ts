import { join } from "node:path";
import { Graph, GraphError, grad, reduceSum } from "softonnx";
import { ModelFormatError } from "../../src/builder/read.ts";
import type { Value } from "../../src/builder/value.ts";
import { casesInArchive } from "./case.ts";
import { mutated, randomNumbers } from "./mutate.ts";

/** What became of mutated models. */
export interface Survival {
  /** Read, and written again. */
  readonly models: number;
  readonly differentiated: number;
  /** Refused with an error of ours. */
  readonly refused: number;
  /** Processor time of the slowest one, in milliseconds. */
  readonly slowest: number;
  /** What went wrong: any other error, and what takes longer than allowed. Should be none. */
  readonly faults: readonly string[];
}

/** Processor time, which a busy machine does not lengthen. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Reads, writes and differentiates mutations of ONNX's own test models.
 *
 * @param most milliseconds of processor time for one */
export function survive(count: number, seed: number, most: number): Survival {
  const models = casesInArchive(join(root(), "test/onnx/node-tests.tar.gz")).map(
    ({ model }) => model,
  );
  const random = randomNumbers(seed);
  const faults: string[] = [];
  let [read, differentiated, refused, slowest] = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const base = models[Math.floor(random() * models.length)] as Uint8Array;
    const bytes = mutated(base, models, random);
    const fault = (what: string) => {
      faults.push(`${i}: ${what}: ${Buffer.from(bytes).toString("base64")}`);
    };
    const start = processorTime();
    try {
      const graph = Graph.fromModel(bytes);
      if (graph.outputs.size > 0) graph.toModel();
      read++;
      if (differentiate(graph)) differentiated++;
    } catch (error) {
      if (error instanceof ModelFormatError || error instanceof GraphError) refused++;
      else fault(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    const took = processorTime() - start;
    slowest = Math.max(slowest, took);
    if (took > most) fault(`took ${took.toFixed(0)} ms`);
  }
  return { models: read, differentiated, refused, slowest, faults };
}

/** Whether there is a gradient. What cannot be differentiated is an error of ours. */
function differentiate(graph: Graph): boolean {
  const isFloat = ({ dtype }: Value) => dtype === "float32" || dtype === "float64";
  const xs = [...graph.inputs.values()].filter(isFloat);
  const y = [...graph.outputs.values()].find(isFloat);
  if (y === undefined || xs.length === 0) return false;
  try {
    const gradients = grad(reduceSum(y), xs);
    graph.toModel({ outputs: Object.fromEntries(gradients.map((dx, i) => [`gradient_${i}`, dx])) });
    return true;
  } catch (error) {
    if (error instanceof GraphError) return false;
    throw error;
  }
}

function root(): string {
  return process.cwd();
}
