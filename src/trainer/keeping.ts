import type { Graph } from "../builder/graph.ts";
import type { Tensors } from "../runtime/session.ts";
import {
  allFinite,
  type Checkpoint,
  CheckpointError,
  checkFits,
  type FitFacts,
  firstNonFinite,
  formatCheckpoint,
  parseCheckpoint,
} from "./checkpoint.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { Position } from "./fit.ts";
import type { CheckpointStore } from "./host.ts";
import type { Models } from "./models.ts";
import type { Programs } from "./programs.ts";
import { TrainingError } from "./trainer.ts";

/** Writes checkpoints of a trainer, and reads those that fit it. */
export class Keeping {
  readonly #graph: Graph;
  readonly #programs: Programs;
  readonly #models: Models;
  readonly #store: CheckpointStore;
  #fingerprint: Fingerprint | undefined;

  constructor(graph: Graph, programs: Programs, models: Models, store: CheckpointStore) {
    this.#graph = graph;
    this.#programs = programs;
    this.#models = models;
    this.#store = store;
  }

  /** undefined if there is none.
   *
   * @throws CheckpointError if it is damaged, or of another graph */
  async read(operator: string, path: string, otherGraph = false): Promise<Checkpoint | undefined> {
    const bytes = await this.#store.read(path);
    if (bytes === undefined) return undefined;
    const { stepper, Tensor } = await this.#models.stepping(operator);
    const checkpoint = parseCheckpoint(path, bytes, Tensor);
    checkFits(path, checkpoint, stepper.held, otherGraph ? undefined : this.#graphsOwn());
    return checkpoint;
  }

  /** As `read`, of one that has to be there. */
  async require(operator: string, path: string, otherGraph?: boolean): Promise<Checkpoint> {
    const checkpoint = await this.read(operator, path, otherGraph);
    if (checkpoint === undefined) throw new CheckpointError(`there is no checkpoint ${path}`);
    return checkpoint;
  }

  /** @throws TrainingError, and writes nothing, if a parameter is no longer finite */
  async write(
    path: string,
    position: Position,
    fit: FitFacts | undefined,
    best: Tensors | undefined,
  ): Promise<void> {
    const { stepper } = await this.#models.stepping("save");
    const state = await stepper.state();
    const broken = firstNonFinite(state, (name) => this.#startsNonFinite(name));
    if (broken !== undefined) {
      const { step, epoch } = position;
      throw new TrainingError(`"${broken}" is no longer finite after step ${step}`, {
        step,
        epoch: position.batch > 0 ? epoch + 1 : epoch,
      });
    }
    const graph = this.#graphsOwn();
    await this.#store.write(path, formatCheckpoint({ state, best, position, fit, graph }));
  }

  #graphsOwn(): Fingerprint {
    this.#fingerprint ??= this.#programs.fingerprint();
    return this.#fingerprint;
  }

  #startsNonFinite(name: string): boolean {
    const origin = this.#graph.parameters.get(name)?.origin;
    return origin?.kind === "parameter" && !allFinite(origin.initial.elements as Float32Array);
  }
}
