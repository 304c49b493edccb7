import type { InferenceSession } from "onnxruntime-common";
import type { NativeRunOptions, NativeSessionOptions } from "./native-addon.ts";

const optimizationLevels = { disabled: 0, basic: 1, extended: 2, layout: 3, all: 99 };
const executionModes = { sequential: 0, parallel: 1 };

/**
 * Session options of onnxruntime-common in the addon's terms.
 * @throws Error for a value that is none of those allowed, and for options that would need
 *   memory which the session does not own.
 */
export function sessionOptions(options: InferenceSession.SessionOptions): NativeSessionOptions {
  if (options.externalData !== undefined) {
    throw new Error("externalData: not supported natively; load the model by its path");
  }
  const config = configEntries(options.extra);
  for (const [key] of config) {
    // The bytes that a session was made from are let go of as soon as it is made.
    if (key.startsWith("session.use_ort_model_bytes")) throw new Error(`${key}: not supported`);
  }
  return {
    graphOptimizationLevel: oneOf(
      optimizationLevels,
      "graphOptimizationLevel",
      options.graphOptimizationLevel,
    ),
    intraOpNumThreads: options.intraOpNumThreads,
    interOpNumThreads: options.interOpNumThreads,
    executionMode: oneOf(executionModes, "executionMode", options.executionMode),
    logSeverityLevel: options.logSeverityLevel,
    logVerbosityLevel: options.logVerbosityLevel,
    logId: options.logId,
    profileFilePrefix: options.enableProfiling
      ? (options.profileFilePrefix ?? "onnxruntime_profile_")
      : undefined,
    optimizedModelFilePath: options.optimizedModelFilePath,
    enableCpuMemArena: options.enableCpuMemArena,
    enableMemPattern: options.enableMemPattern,
    freeDimensionOverrides: Object.entries(options.freeDimensionOverrides ?? {}),
    config,
  };
}

/** Run options of onnxruntime-common in the addon's terms. */
export function runOptions(options: InferenceSession.RunOptions): NativeRunOptions {
  return {
    logSeverityLevel: options.logSeverityLevel,
    logVerbosityLevel: options.logVerbosityLevel,
    tag: options.tag,
    config: configEntries(options.extra),
  };
}

function oneOf<Name extends string>(
  allowed: Readonly<Record<Name, number>>,
  option: string,
  value: Name | undefined,
): number | undefined {
  if (value === undefined) return undefined;
  if (Object.hasOwn(allowed, value)) return allowed[value];
  const list = Object.keys(allowed).join(", ");
  throw new Error(`${option}: expected one of ${list}, got ${String(value)}`);
}

/** `{ session: { x: "1" } }` is the entry `session.x`, as in onnxruntime-node. */
function configEntries(extra: Record<string, unknown> | undefined): [string, string][] {
  const entries: [string, string][] = [];
  const walk = (value: object, prefix: string): void => {
    for (const [key, inner] of Object.entries(value)) {
      const path = prefix + key;
      if (typeof inner === "object" && inner !== null) walk(inner, `${path}.`);
      else if (typeof inner === "boolean") entries.push([path, inner ? "1" : "0"]);
      else if (typeof inner === "string" || typeof inner === "number") {
        entries.push([path, String(inner)]);
      } else throw new TypeError(`extra: ${path}: expected a string, number or boolean`);
    }
  };
  walk(extra ?? {}, "");
  return entries;
}
