import type { LoadedModel } from "../runtime/model.ts";
import type { Progress } from "../runtime/progress.ts";

/** What a trainer needs of the place where it runs. */
export interface TrainerHost<Options extends object> {
  readonly load: (operator: string, bytes: Uint8Array, options: Options) => Promise<LoadedModel>;
  /** Keys that the options of sessions may have. */
  readonly sessionOptions: readonly string[];
  /** Shows how far training is; gives undefined where nobody looks. */
  readonly openProgress?: () => Promise<Progress | undefined>;
}
