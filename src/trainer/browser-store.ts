import type { CheckpointStore } from "./host.ts";

/** The parts of IndexedDB that are used, which the types of Node do not have. */
interface Request<Result> {
  readonly result: Result;
  readonly error: unknown;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}

interface ObjectStore {
  get(key: string): Request<unknown>;
  put(value: unknown, key: string): Request<unknown>;
}

interface Transaction {
  readonly error: unknown;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
  objectStore(name: string): ObjectStore;
}

interface Database {
  createObjectStore(name: string): void;
  transaction(store: string, mode: "readonly" | "readwrite", options?: object): Transaction;
}

interface IndexedDb {
  open(name: string, version: number): Request<Database> & { onupgradeneeded: (() => void) | null };
}

const DATABASE = "softonnx";
const STORE = "checkpoints";

/** Checkpoints in the browser's own database, of the page's origin. A transaction is done as a whole or not
 * at all. */
export const browserStore: CheckpointStore = {
  read: async (name) => {
    const database = await openDatabase();
    const found = await settled(
      database.transaction(STORE, "readonly").objectStore(STORE).get(name),
    );
    return found instanceof Uint8Array ? found : undefined;
  },
  write: async (name, bytes) => {
    const database = await openDatabase();
    const transaction = database.transaction(STORE, "readwrite", { durability: "strict" });
    transaction.objectStore(STORE).put(bytes, name);
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
  },
};

let opened: Promise<Database> | undefined;

function openDatabase(): Promise<Database> {
  const { indexedDB } = globalThis as unknown as { readonly indexedDB?: IndexedDb };
  if (indexedDB === undefined) {
    return Promise.reject(new Error("checkpoints need IndexedDB, which is not there"));
  }
  if (opened === undefined) {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    opened = settled(request);
    opened.catch(() => {
      opened = undefined;
    });
  }
  return opened;
}

function settled<Result>(request: Request<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
