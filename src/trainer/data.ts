import { failArgument, GraphError } from "../builder/errors.ts";
import { isTypedArray } from "../builder/tensor.ts";
import { convertFeeds, isTensor } from "../runtime/feeds.ts";
import type { Feed, Feeds, TensorConstructor, TensorInfo, Tensors } from "../runtime/session.ts";
import { ColumnTable } from "./columns.ts";

/** Samples to train on, to evaluate or to predict for. What belongs to one input goes by its name:
 *
 * - `{ x: [[1, 2], [3, 4]], y: [0, 1] }`: all samples of each input, along its first axis, as a feed is
 *   given: arrays, typed arrays or tensors, whose numbers are converted to its type;
 * - `[{ x: [1, 2], y: 0 }, { x: [3, 4], y: 1 }]`: one object a sample;
 * - an async iterable of batches, each the feeds of one step; for more than one epoch, a function that makes
 *   one (or a plain iterable) each time it is called.
 *
 * Inputs of the graph that are not needed may be among them. */
export type Data =
  | Readonly<Record<string, Feed>>
  | readonly Readonly<Record<string, Feed>>[]
  | AsyncIterable<Feeds>
  | (() => AsyncIterable<Feeds> | Iterable<Feeds>);

/** The feeds of one step. */
export interface Batch {
  readonly feeds: Tensors;
  /** How many samples it has. */
  readonly samples: number;
}

/** In which pieces and order the samples of an epoch come. */
export interface Passage {
  readonly batchSize: number;
  readonly dropLast: boolean;
  /** Rows in the order in which they are taken; undefined for the order that they have. */
  readonly order: Uint32Array | undefined;
  /** How many batches were taken before. */
  readonly skip: number;
}

/** Data as a trainer reads them. */
export interface Source {
  /** undefined for a stream, of which that is not known before its end. */
  readonly samples: number | undefined;
  /** @throws GraphError for a stream that has been read and cannot be read again */
  pass(passage: Passage): AsyncIterable<Batch> | Iterable<Batch>;
}

/** What the data have to fit. */
export interface Wanted {
  /** The function to name in errors. */
  readonly operator: string;
  /** What to call the data in errors. */
  readonly argument: string;
  readonly inputs: readonly TensorInfo[];
  /** Names that may be there and are not needed. */
  readonly others: readonly string[];
  readonly Tensor: TensorConstructor;
}

/** @throws GraphError for data that are none, or do not fit the inputs */
export function sourceOf(data: unknown, wanted: Wanted): Source {
  if (typeof data === "function") return new Stream(data as () => Iterable<Feeds>, wanted);
  if (typeof data !== "object" || data === null || isTensor(data) || ArrayBuffer.isView(data)) {
    const expected = "an object of columns, an array of samples, or a stream of batches";
    failArgument(wanted.operator, wanted.argument, expected, data);
  }
  if (Symbol.asyncIterator in data) {
    return new Stream(onlyOnce(data as AsyncIterable<Feeds>, wanted), wanted);
  }
  return new ColumnTable(Array.isArray(data) ? columnsOf(data, wanted) : data, wanted);
}

/** Batches that come one after the other. */
class Stream implements Source {
  readonly samples = undefined;
  readonly #open: () => AsyncIterable<Feeds> | Iterable<Feeds>;
  readonly #wanted: Wanted;

  constructor(open: () => AsyncIterable<Feeds> | Iterable<Feeds>, wanted: Wanted) {
    this.#open = open;
    this.#wanted = wanted;
  }

  async *pass({ skip, dropLast }: Passage): AsyncIterable<Batch> {
    const { operator, argument, inputs, others, Tensor } = this.#wanted;
    let count = 0;
    let usual: number | undefined;
    for await (const feeds of requireIterable(this.#open(), this.#wanted)) {
      count++;
      if (count <= skip) continue;
      const tensors = convertFeeds(operator, inputs, feeds, Tensor, others);
      const samples = Object.values(tensors).find(({ dims }) => dims.length > 0)?.dims[0] ?? 1;
      usual ??= samples;
      if (dropLast && samples < usual) return;
      yield { feeds: tensors, samples };
    }
    if (count === 0) throw new GraphError(operator, `${argument}: the stream has no batches`);
  }
}

/** Opens an iterable again and again, if it is one that can be: a generator is used up after the first. */
function onlyOnce(data: AsyncIterable<Feeds>, { operator, argument }: Wanted) {
  let opened: AsyncIterator<Feeds> | undefined;
  return () => {
    const iterator = data[Symbol.asyncIterator]();
    if (iterator === opened) {
      throw new GraphError(
        operator,
        `${argument}: the stream has been read; for another epoch give a function that makes it`,
      );
    }
    opened = iterator;
    return { [Symbol.asyncIterator]: () => iterator };
  };
}

function requireIterable(data: AsyncIterable<Feeds> | Iterable<Feeds>, wanted: Wanted) {
  const iterable =
    typeof data === "object" &&
    data !== null &&
    (Symbol.asyncIterator in data || Symbol.iterator in data);
  if (iterable) return data;
  failArgument(wanted.operator, wanted.argument, "a function that gives an iterable", data);
}

/** Samples as columns. */
function columnsOf(samples: readonly unknown[], { operator, argument, inputs }: Wanted): Feeds {
  const columns: Record<string, Feed[]> = {};
  for (const { name } of inputs) columns[name] = [];
  for (const [i, sample] of samples.entries()) {
    if (typeof sample !== "object" || sample === null || Array.isArray(sample)) {
      failArgument(
        operator,
        `${argument}[${i}]`,
        "an object with what belongs to each input",
        sample,
      );
    }
    for (const [name, column] of Object.entries(columns)) {
      const feed = Object.hasOwn(sample, name) ? Reflect.get(sample, name) : undefined;
      if (feed === undefined) {
        throw new GraphError(operator, `${argument}[${i}] has no "${name}"`);
      }
      column.push(feed);
    }
  }
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, wholeColumn(column)]),
  );
}

/** Samples in typed arrays as one of these, which fills the shape of the input. */
function wholeColumn(column: readonly Feed[]): Feed {
  if (!column.every(isTypedArray)) return column as unknown as Feed;
  const arrays = column as readonly Float32Array[];
  const [first] = arrays;
  if (first === undefined || arrays.some(({ length }) => length !== first.length)) {
    return arrays.map((array) => Array.from(array));
  }
  const whole = new (first.constructor as Float32ArrayConstructor)(first.length * arrays.length);
  for (const [i, array] of arrays.entries()) whole.set(array, i * first.length);
  return whole;
}
