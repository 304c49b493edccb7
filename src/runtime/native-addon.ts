import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * A tensor on its way in or out of the addon: the number of its element type in ONNX, its sizes,
 * and the bytes of its elements (or the strings themselves).
 */
export interface NativeTensor {
  readonly type: number;
  readonly dims: readonly number[];
  readonly data: Uint8Array | readonly string[];
}

/** The same, of memory that the addon made. */
export interface NativeResult {
  readonly type: number;
  readonly dims: number[];
  readonly data: ArrayBuffer | string[];
}

/** An input or output of a model; a dimension without a fixed size is its name, or "". */
export interface NativePort {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: number;
  readonly shape?: readonly (number | string)[];
}

export interface NativeSession {
  readonly inputs: readonly NativePort[];
  readonly outputs: readonly NativePort[];
}

/** Session options as ONNX Runtime numbers them. Undefined leaves its default. */
export interface NativeSessionOptions {
  readonly graphOptimizationLevel?: number | undefined;
  readonly intraOpNumThreads?: number | undefined;
  readonly interOpNumThreads?: number | undefined;
  readonly executionMode?: number | undefined;
  readonly logSeverityLevel?: number | undefined;
  readonly logVerbosityLevel?: number | undefined;
  readonly logId?: string | undefined;
  readonly profileFilePrefix?: string | undefined;
  readonly optimizedModelFilePath?: string | undefined;
  readonly enableCpuMemArena?: boolean | undefined;
  readonly enableMemPattern?: boolean | undefined;
  readonly freeDimensionOverrides: readonly (readonly [string, number])[];
  readonly config: readonly (readonly [string, string])[];
}

export interface NativeRunOptions {
  readonly logSeverityLevel?: number | undefined;
  readonly logVerbosityLevel?: number | undefined;
  readonly tag?: string | undefined;
  readonly config: readonly (readonly [string, string])[];
}

export interface NativeFetch {
  /** Position among the outputs of the session. */
  readonly output: number;
  /** Where the result goes; null has the addon allocate it. */
  readonly into: NativeTensor | null;
}

/** An input that a stepper holds, at its position among those of the session. */
export interface NativeHeld {
  readonly input: number;
  /** The output that is its next value; null where it stays the same. */
  readonly next: number | null;
  readonly start: NativeTensor;
}

/** A session that is run again and again, with state in native memory. */
export type NativeStepper = object;

/** What native/addon exports. Its comments there say what each function promises. */
export interface NativeAddon {
  attach(libraries: readonly string[], logSeverityLevel: number): string;
  createSession(model: string | Uint8Array, options: NativeSessionOptions): Promise<NativeSession>;
  run(
    session: NativeSession,
    feeds: readonly NativeTensor[],
    fetches: readonly NativeFetch[],
    options: NativeRunOptions,
  ): Promise<(NativeResult | null)[]>;
  dispose(session: NativeSession): void;
  endProfiling(session: NativeSession): string;
  timeSpent(session: NativeSession): number;
  createStepper(session: NativeSession, held: readonly NativeHeld[]): NativeStepper;
  step(stepper: NativeStepper, feeds: readonly NativeTensor[]): Promise<NativeResult[]>;
  runBeside(
    stepper: NativeStepper,
    session: NativeSession,
    held: readonly (number | null)[],
    feeds: readonly NativeTensor[],
  ): Promise<NativeResult[]>;
  readState(stepper: NativeStepper): NativeResult[];
  writeState(stepper: NativeStepper, position: number, tensor: NativeTensor): void;
  disposeStepper(stepper: NativeStepper): void;
}

export interface LoadedNative {
  readonly addon: NativeAddon;
  /** The version of ONNX Runtime that it works through. */
  readonly onnxruntime: string;
}

type OnnxRuntimeCommon = typeof import("onnxruntime-common");

const require = createRequire(import.meta.url);

/** src/runtime and dist/runtime lie equally deep. */
const nativeDirectory = fileURLToPath(new URL("../../native", import.meta.url));

const severities = { verbose: 0, info: 1, warning: 2, error: 3, fatal: 4 } as const;

let outcome: LoadedNative | Error | undefined;

/**
 * Loads the addon and joins it to the copy of ONNX Runtime that onnxruntime-node has loaded.
 * The first outcome, good or bad, holds for the life of the module.
 * @throws Error that says in one sentence why the native kernels cannot run.
 */
export function loadNative(): LoadedNative {
  outcome ??= attempt();
  if (outcome instanceof Error) throw outcome;
  return outcome;
}

function attempt(): LoadedNative | Error {
  try {
    // It comes first: the addon looks for the library that onnxruntime-node has loaded.
    const { env } = onnxRuntimeCommon();
    const addon = loadAddon();
    const severity = severities[env.logLevel ?? "warning"];
    return { addon, onnxruntime: addon.attach(librariesOfOnnxRuntimeNode(), severity) };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * Loads onnxruntime-node, and returns the very instance of onnxruntime-common that it works
 * with: neither the one that we would find ourselves nor its ES module twin need be that.
 * @throws Error where onnxruntime-node is not installed or does not load.
 */
export function onnxRuntimeCommon(): OnnxRuntimeCommon {
  const requireBeside = createRequire(packageJson("onnxruntime-node"));
  require("onnxruntime-node");
  return requireBeside("onnxruntime-common");
}

function packageJson(name: string): string {
  try {
    return require.resolve(`${name}/package.json`);
  } catch (cause) {
    throw new Error(`${name} is not installed: npm i ${name}`, { cause });
  }
}

function loadAddon(): NativeAddon {
  const { resolve }: { resolve(directory: string): string } = require("node-gyp-build");
  let file: string;
  try {
    file = resolve(nativeDirectory);
  } catch (cause) {
    throw new Error(
      "the native kernels are not built: run `node native/install.cjs` in the package softonnx",
      { cause },
    );
  }
  return require(file);
}

/**
 * Every file beside onnxruntime-node's binding that could be ONNX Runtime itself, and then the
 * bare names: where another copy of onnxruntime-node was loaded before, the system's loader may
 * have given its library to our binding too, for they share a name.
 */
function librariesOfOnnxRuntimeNode(): string[] {
  const bin = join(dirname(packageJson("onnxruntime-node")), "bin");
  const libraries: string[] = [];
  for (const version of readdirSync(bin)) {
    const directory = join(bin, version, process.platform, process.arch);
    for (const file of filesIn(directory)) {
      if (/^(lib)?onnxruntime\.(.*\.)?(so|dylib|dll)(\.|$)/.test(file)) {
        libraries.push(join(directory, file));
      }
    }
  }
  return [...libraries, ...libraries.map((file) => basename(file))];
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
