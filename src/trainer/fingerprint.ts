import type { Node } from "../builder/block.ts";
import { hashOf } from "./hash.ts";

/** By what a graph is known again. */
export interface Fingerprint {
  readonly hash: string;
  /** How many nodes of which operator it has. */
  readonly operators: Readonly<Record<string, number>>;
}

/** @param model that this package wrote; which release of it does not matter
 * @param nodes that it has */
export function fingerprintOf(model: Uint8Array, nodes: readonly Node[]): Fingerprint {
  const operators: Record<string, number> = {};
  for (const { op } of nodes) operators[op] = (operators[op] ?? 0) + 1;
  return { hash: hashOf(withoutProducerVersion(model)), operators };
}

/** What differs between two, in words; undefined if nothing does. */
export function fingerprintDifference(a: Fingerprint, b: Fingerprint): string | undefined {
  if (a.hash === b.hash) return undefined;
  const names = [...new Set([...Object.keys(a.operators), ...Object.keys(b.operators)])].sort();
  const changes = names
    .map((name) => [name, a.operators[name] ?? 0, b.operators[name] ?? 0] as const)
    .filter(([, before, after]) => before !== after)
    .map(([name, before, after]) => `${before} ${name} instead of ${after}`);
  if (changes.length === 0) return "the same operators, but other constants or connections";
  const shown = changes.slice(0, 6).join(", ");
  return changes.length > 6 ? `${shown}, and ${changes.length - 6} more` : shown;
}

/** Field 3 of ModelProto. */
const PRODUCER_VERSION = 3;

/** The fields of a ModelProto, of which ours are numbers and lengths with bytes, but for one. */
function withoutProducerVersion(model: Uint8Array): Uint8Array {
  const rest = new Uint8Array(model.length);
  let kept = 0;
  for (let at = 0; at < model.length; ) {
    const start = at;
    const key = varint(model, at);
    const first = varint(model, key.end);
    at = (key.value & 7) === 2 ? first.end + first.value : first.end;
    if (key.value >> 3 === PRODUCER_VERSION) continue;
    rest.set(model.subarray(start, at), kept);
    kept += at - start;
  }
  return rest.subarray(0, kept);
}

function varint(
  bytes: Uint8Array,
  start: number,
): { readonly value: number; readonly end: number } {
  let value = 0;
  let scale = 1;
  for (let at = start; ; at++) {
    const byte = bytes[at] ?? 0;
    value += (byte & 127) * scale;
    if (byte < 128) return { value, end: at + 1 };
    scale *= 128;
  }
}
