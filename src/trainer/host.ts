import type { LoadedModel } from "../runtime/model.ts";
import type { Progress } from "../runtime/progress.ts";

/** What a trainer needs of the place where it runs. */
export interface TrainerHost<Options extends object> {
  readonly load: (operator: string, bytes: Uint8Array, options: Options) => Promise<LoadedModel>;
  /** Keys that the options of sessions may have. */
  readonly sessionOptions: readonly string[];
  readonly checkpoints: CheckpointStore;
  /** Shows how far training is; gives undefined where nobody looks. */
  readonly openProgress?: () => Promise<Progress | undefined>;
}

/** Where checkpoints are kept. */
export interface CheckpointStore {
  /** undefined if there is none of this name. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Puts bytes in the place of what is there, all at once: whoever reads finds the old or the new. */
  write(name: string, bytes: Uint8Array): Promise<void>;
}
