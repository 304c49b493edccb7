/** What a page can use. */
export interface WebStatus {
  /** Whether there is a GPU that `backend: "webgpu"` can use. */
  readonly webgpu: boolean;
  /** Whether WebAssembly may use threads; onnxruntime-web then does, up to four. */
  readonly threads: boolean;
  /** For people: what is missing and why. Empty where nothing is. */
  readonly missing: readonly string[];
}

/** The parts of a browser that are asked; not all have them. */
interface Browser {
  readonly navigator?: {
    readonly gpu?: { requestAdapter(): Promise<object | null> };
  };
  readonly crossOriginIsolated?: boolean;
}

const browser = globalThis as unknown as Browser;

/** Finds out what this page can use, and why not where it cannot.
 *
 * ```ts
 * const { webgpu, missing } = await webStatus();
 * const session = await createSession(model, { backend: webgpu ? "webgpu" : "wasm" });
 * ``` */
export async function webStatus(): Promise<WebStatus> {
  const gpu = await withoutAdapter();
  const threads = browser.crossOriginIsolated === true;
  const alone =
    "WebAssembly runs on one thread: the page is not isolated. Serve it with the headers " +
    "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.";
  return {
    webgpu: gpu === undefined,
    threads,
    missing: [...(gpu === undefined ? [] : [gpu]), ...(threads ? [] : [alone])],
  };
}

/** @throws Error that says why there is no WebGPU */
export async function requireAdapter(operator: string): Promise<void> {
  const reason = await withoutAdapter();
  if (reason !== undefined) {
    throw new Error(`${operator}: no session on the backend "webgpu": ${reason}`);
  }
}

/** Why there is no GPU to use; undefined where there is. */
async function withoutAdapter(): Promise<string | undefined> {
  const gpu = browser.navigator?.gpu;
  if (gpu === undefined) return "This browser, or a page served like this one, has no WebGPU.";
  const adapter = await gpu.requestAdapter().catch(() => null);
  return adapter === null ? "WebGPU finds no graphics adapter on this machine." : undefined;
}
