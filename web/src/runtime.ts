import { type OnnxRuntime, type WebRuntime, webStatus, withRuntime } from "softonnx/web";

const FILES = { wasm: "ort.wasm.min.mjs", webgpu: "ort.min.mjs" } as const;

export type Build = keyof typeof FILES;

interface Environment extends OnnxRuntime {
  readonly env: { readonly wasm: { wasmPaths?: string } };
}

const builds = new Map<Build, Promise<WebRuntime>>();

/** softonnx/web on one of the builds of onnxruntime-web, which lie beside the pages. */
export function runtimeOf(build: Build): Promise<WebRuntime> {
  let runtime = builds.get(build);
  if (runtime === undefined) {
    runtime = load(build);
    runtime.catch(() => builds.delete(build));
    builds.set(build, runtime);
  }
  return runtime;
}

async function load(build: Build): Promise<WebRuntime> {
  const folder = new URL("../runtime/", import.meta.url).href;
  const ort: Environment = await import(folder + FILES[build]);
  ort.env.wasm.wasmPaths = folder;
  return withRuntime(ort);
}

/** Says in the foot of the page what it runs on, and plainly what is missing. */
export async function showStatus(place: HTMLElement): Promise<void> {
  const { webgpu, threads, missing } = await webStatus();
  const here = ["WebAssembly", ...(threads ? ["threads"] : []), ...(webgpu ? ["WebGPU"] : [])];
  place.textContent = [`This page has ${here.join(", ")}.`, ...missing].join(" ");
}
