import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

type Random = () => number;

function below(random: Random, end: number): number {
  return Math.floor(random() * end);
}

function oneOf<Item>(random: Random, items: readonly Item[]): Item {
  return items[below(random, items.length)] as Item;
}

/** A model with some of its bytes, or of its fields, changed.
 *
 * @param others to take parts of */
export function mutated(
  model: Uint8Array,
  others: readonly Uint8Array[],
  random: Random,
): Uint8Array {
  return random() < 0.4
    ? withOtherBytes(model, others, random)
    : withOtherFields(model, others, random);
}

function withOtherBytes(model: Uint8Array, others: readonly Uint8Array[], random: Random) {
  let bytes = Array.from(model);
  for (let count = 1 + below(random, 5); count > 0; count--) {
    const at = below(random, bytes.length);
    const from = oneOf(random, others);
    const start = below(random, from.length);
    const changes = [
      () => (bytes[at] = below(random, 256)),
      () => (bytes[at] = (bytes[at] as number) ^ (1 << below(random, 8))),
      () => bytes.splice(at, below(random, 8)),
      () =>
        bytes.splice(at, 0, ...Array.from({ length: below(random, 8) }, () => below(random, 256))),
      () => bytes.splice(at, 0, ...from.subarray(start, start + below(random, 60))),
      () => (bytes = bytes.slice(0, at)),
    ];
    oneOf(random, changes)();
    if (bytes.length === 0) break;
  }
  return Uint8Array.from(bytes);
}

/** A place in a message: an object and a key, or a list and an index. */
interface Place {
  readonly holder: Record<string, unknown> | unknown[];
  readonly key: string | number;
}

function withOtherFields(model: Uint8Array, others: readonly Uint8Array[], random: Random) {
  const message = fromBinary(ModelProtoSchema, model);
  const donor = placesIn(fromBinary(ModelProtoSchema, oneOf(random, others)));
  for (let count = 1 + below(random, 4); count > 0; count--) {
    change(oneOf(random, placesIn(message)), donor, random);
  }
  try {
    return toBinary(ModelProtoSchema, message);
  } catch {
    // A value of another type than the field's cannot be written.
    return model;
  }
}

function placesIn(message: Message): Place[] {
  const places: Place[] = [];
  const visit = (holder: Place["holder"]) => {
    for (const key of Object.keys(holder)) {
      if (key.startsWith("$")) continue;
      const value = (holder as Record<string, unknown>)[key];
      places.push({ holder, key: Array.isArray(holder) ? Number(key) : key });
      if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) continue;
      visit(value as Place["holder"]);
    }
  };
  visit(message as unknown as Record<string, unknown>);
  return places;
}

const NUMBERS = [0, 1, -1, 2, 3, 7, 11, 63, 64, 255, 2 ** 31 - 1, -(2 ** 31), 2 ** 30];
const BIGINTS = [0n, 1n, -1n, 2n, 3n, 5n, 2n ** 31n, 2n ** 62n, -(2n ** 63n), 2n ** 63n - 1n];
const TEXTS = ["", "x", "y", "__proto__", "Loop", "Softmax", "ai.onnx", "com.microsoft", "n*m+1"];

function change({ holder, key }: Place, donor: readonly Place[], random: Random): void {
  const fields = holder as Record<string | number, unknown>;
  const value = fields[key];
  if (Array.isArray(value)) {
    const at = below(random, value.length + 1);
    oneOf(random, [
      () => value.splice(at, 1),
      () => value.splice(at, 0, ...value.slice(0, 1)),
      () => value.reverse(),
      () => value.push(...value),
    ])();
  } else if (typeof value === "number") fields[key] = oneOf(random, NUMBERS);
  else if (typeof value === "bigint") fields[key] = oneOf(random, BIGINTS);
  else if (typeof value === "string") fields[key] = textFrom(donor, random);
  else if (ArrayBuffer.isView(value))
    fields[key] = new Uint8Array(below(random, 40)).fill(below(random, 256));
  else fields[key] = sameKind(value, donor, random) ?? value;
}

function textFrom(donor: readonly Place[], random: Random): string {
  const texts = valuesOf(donor).filter((each) => typeof each === "string");
  return oneOf(random, [...TEXTS, ...texts]);
}

/** A message of the same type out of another model. */
function sameKind(value: unknown, donor: readonly Place[], random: Random): unknown {
  const type = (value as Message | undefined)?.$typeName;
  const found = valuesOf(donor).filter((each) => type && (each as Message)?.$typeName === type);
  return found.length === 0 ? undefined : oneOf(random, found);
}

function valuesOf(places: readonly Place[]): unknown[] {
  return places.map(({ holder, key }) => (holder as Record<string | number, unknown>)[key]);
}
