import type { HeldState, StatePair } from "./held-state.ts";
import type { LoadedModel } from "./model.ts";
import type { NativeAddon, NativeResult, NativeSession, NativeStepper } from "./native-addon.ts";
import { fromNative, tensorOf, toNative } from "./native-tensor.ts";
import type { TensorConstructor, Tensors } from "./session.ts";

/** State in the memory of the addon: two sets of tensors that change places with every step. Only feeds
 * and outputs cross into JavaScript and back. */
export class NativeState implements HeldState {
  readonly #addon: NativeAddon;
  readonly #stepper: NativeStepper;
  readonly #Tensor: TensorConstructor;
  /** Names, in the addon's order. */
  readonly #held: readonly string[];
  readonly #feeds: readonly string[];
  readonly #results: readonly string[];

  constructor(
    addon: NativeAddon,
    session: NativeSession,
    Tensor: TensorConstructor,
    pairs: readonly StatePair[],
    state: Tensors,
  ) {
    const inputs = session.inputs.map(({ name }) => name);
    const outputs = session.outputs.map(({ name }) => name);
    const nexts = new Map(pairs.map(({ parameter, next }) => [parameter.name, next]));
    const next = (name: string) => {
      const output = nexts.get(name);
      return output === undefined ? null : outputs.indexOf(output);
    };
    const held = Object.entries(state).map(([name, tensor]) => ({
      input: inputs.indexOf(name),
      next: next(name),
      start: toNative(tensor, `state ${name}`),
    }));
    this.#addon = addon;
    this.#stepper = addon.createStepper(session, held);
    this.#Tensor = Tensor;
    this.#held = Object.keys(state);
    this.#feeds = inputs.filter((name) => !Object.hasOwn(state, name));
    const updated = new Set(nexts.values());
    this.#results = outputs.filter((name) => !updated.has(name));
  }

  async step(feeds: Tensors): Promise<Tensors> {
    const inputs = this.#feeds.map((name) => toNative(feeds[name], `input ${name}`));
    const results = await this.#addon.step(this.#stepper, inputs);
    return this.#named(this.#results, results, "output");
  }

  async runBeside(
    model: LoadedModel,
    held: ReadonlyMap<string, string>,
    feeds: Tensors,
  ): Promise<Tensors> {
    const { native } = model;
    if (native === undefined) throw new Error("the model is not one of the native backend");
    const names = native.inputs.map(({ name }) => name);
    const positions = names.map((name) => {
      const state = held.get(name);
      return state === undefined ? null : this.#held.indexOf(state);
    });
    const fed = names
      .filter((name) => !held.has(name))
      .map((name) => toNative(feeds[name], `input ${name}`));
    const results = await this.#addon.runBeside(this.#stepper, native, positions, fed);
    const outputs = native.outputs.map(({ name }) => name);
    return this.#named(outputs, results, "output");
  }

  read(): Tensors {
    return this.#named(this.#held, this.#addon.readState(this.#stepper), "state");
  }

  write(state: Tensors): void {
    for (const [name, tensor] of Object.entries(state)) {
      const position = this.#held.indexOf(name);
      this.#addon.writeState(this.#stepper, position, toNative(tensor, `state ${name}`));
    }
  }

  dispose(): void {
    this.#addon.disposeStepper(this.#stepper);
  }

  #named(names: readonly string[], results: readonly NativeResult[], kind: string): Tensors {
    const tensors: Tensors = {};
    for (const [i, result] of results.entries()) {
      const name = names[i] as string;
      tensors[name] = tensorOf(fromNative(result, `${kind} ${name}`), this.#Tensor);
    }
    return tensors;
  }
}
