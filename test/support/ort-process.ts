import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";

export interface Feed {
  readonly dtype: "float32" | "float64" | "int64";
  readonly dims: readonly number[];
  readonly data: Float32Array | Float64Array | BigInt64Array;
}

export type Feeds = Readonly<Record<string, Feed>>;

interface Load {
  readonly model: Uint8Array;
  readonly level: "disabled" | "basic" | "extended" | "all";
  /** Threads of the session; 1 unless told. */
  readonly threads?: number;
}

export interface Job extends Load {
  readonly feeds: Feeds;
}

/** One model, and what to run it on, in order. */
export interface Jobs extends Load {
  readonly feeds: readonly Feeds[];
}

export interface ResultTensor {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}

export type Results = Readonly<Record<string, ResultTensor>>;

interface Reply {
  readonly id: number;
  readonly results?: readonly Results[];
  readonly error?: string;
}

interface Waiting {
  readonly resolve: (results: readonly Results[]) => void;
  readonly reject: (error: Error) => void;
}

/** ONNX Runtime in a process that does nothing else, with what it wrote to its error output. */
export class OrtProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #stderr = "";

  constructor(backend: "cpu" | "native" | "cuda") {
    this.#child = fork(join(import.meta.dirname, "ort-process.mjs"), [backend], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      execArgv: [],
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.#child.on("message", (reply: Reply) => this.#settle(reply));
    this.#child.on("exit", (code, signal) => this.#fail(`it ended with ${signal ?? code}`));
    this.#child.on("error", (error) => this.#fail(error.message));
  }

  /** Everything that ONNX Runtime has warned of. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Loads a model and runs it once. */
  async run(job: Job): Promise<Results> {
    const [results] = await this.runAll({ ...job, feeds: [job.feeds] });
    return results as Results;
  }

  /** Loads a model and runs it on each of the feeds. */
  runAll(job: Jobs): Promise<readonly Results[]> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, job });
    });
  }

  close(): void {
    this.#child.removeAllListeners("exit");
    this.#child.disconnect();
  }

  #settle({ id, results, error }: Reply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (results !== undefined) waiting?.resolve(results);
    else waiting?.reject(new Error(error));
  }

  #fail(how: string): void {
    for (const { reject } of this.#waiting.values()) {
      reject(new Error(`the process of ONNX Runtime failed: ${how}\n${this.#stderr}`));
    }
    this.#waiting.clear();
  }
}
