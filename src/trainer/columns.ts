import { bitsOf, type DType, type TypedArray } from "../builder/dtype.ts";
import { GraphError } from "../builder/errors.ts";
import { isTypedArray, tensorOf } from "../builder/tensor.ts";
import { convertFeed, isTensor, rejectUnknown, tensorOfData } from "../runtime/feeds.ts";
import type { TensorConstructor, TensorInfo, Tensors } from "../runtime/session.ts";
import type { Batch, Passage, Source, Wanted } from "./data.ts";

/** All samples of one input, one after the other. */
interface Column {
  readonly name: string;
  readonly type: string;
  readonly elements: TypedArray | readonly string[];
  /** Of one sample. */
  readonly dims: readonly number[];
  readonly rowSize: number;
}

/** Samples in memory: of each input all, along its first axis. */
export class ColumnTable implements Source {
  readonly samples: number;
  readonly #columns: readonly Column[];
  readonly #Tensor: TensorConstructor;

  /** @throws GraphError for a column that is missing, unknown or misshapen, and for columns of which one is
   * longer than the other */
  constructor(data: object, wanted: Wanted) {
    const { operator, argument, inputs, others, Tensor } = wanted;
    rejectUnknown(operator, "input", data, [...inputs.map(({ name }) => name), ...others]);
    const tensors = inputs.map((info) => [info.name, columnTensor(data, info, wanted)] as const);
    const [first] = tensors;
    if (first === undefined) {
      throw new GraphError(operator, `${argument}: the model takes no inputs to go through data`);
    }
    this.samples = first[1].dims[0] as number;
    for (const [name, { dims }] of tensors) {
      if (dims[0] === this.samples) continue;
      throw new GraphError(
        operator,
        `${argument}: "${first[0]}" has ${this.samples} samples, but "${name}" has ${dims[0]}`,
      );
    }
    if (this.samples === 0) throw new GraphError(operator, `${argument}: there are no samples`);
    this.#Tensor = Tensor;
    this.#columns = tensors.map(([name, { type, data: elements, dims }]) => ({
      name,
      type,
      elements: elements as TypedArray | string[],
      dims: dims.slice(1),
      rowSize: dims.slice(1).reduce((product, size) => product * size, 1),
    }));
  }

  *pass({ batchSize, dropLast, order, skip }: Passage): Iterable<Batch> {
    const count = order?.length ?? this.samples;
    const size = Math.min(batchSize, count);
    for (let start = skip * size; start < count; start += size) {
      const end = Math.min(start + size, count);
      if (dropLast && end - start < size) return;
      yield { feeds: this.#rows(order, start, end), samples: end - start };
    }
  }

  #rows(order: Uint32Array | undefined, start: number, end: number): Tensors {
    const tensors: Tensors = {};
    for (const { name, type, elements, dims, rowSize } of this.#columns) {
      const rows =
        order === undefined
          ? part(elements, start * rowSize, end * rowSize)
          : gathered(elements, rowSize, order.subarray(start, end));
      tensors[name] = new this.#Tensor(type as "float32", rows as Float32Array, [
        end - start,
        ...dims,
      ]);
    }
    return tensors;
  }
}

function columnTensor(data: object, info: TensorInfo, { operator, argument, Tensor }: Wanted) {
  const { name, dtype, shape } = info;
  if (shape?.length === 0) {
    throw new GraphError(
      operator,
      `input "${name}" is a scalar, the same for all samples: give it to createTrainer as feeds.${name}`,
    );
  }
  const feed = Object.hasOwn(data, name) ? Reflect.get(data, name) : undefined;
  if (feed === undefined) {
    throw new GraphError(operator, `${argument}: there is no column "${name}"`);
  }
  const bits = bitsOf(dtype);
  if (bits > 0 && bits < 8) {
    throw new GraphError(operator, `${argument}: ${dtype} "${name}" can only come in batches`);
  }
  // All samples at once: their number is not that of a batch.
  const open = shape === undefined ? undefined : [undefined, ...shape.slice(1)];
  const column = `${argument}: column "${name}"`;
  const own = isTensor(feed) ? inType(operator, column, dtype, feed, Tensor) : feed;
  return convertFeed(operator, column, { name, dtype, shape: open }, own, Tensor);
}

/** A tensor of numbers in the type that is wanted: arrays from elsewhere are often float64, or bytes. */
function inType(
  operator: string,
  argument: string,
  dtype: DType,
  tensor: Tensors[string],
  Tensor: TensorConstructor,
): Tensors[string] {
  const { type, data, dims } = tensor;
  const both = [type as DType, dtype].every((it) => bitsOf(it) >= 8 && !/16$|^bool$/.test(it));
  if (type === dtype || !both || !isTypedArray(data)) return tensor;
  return tensorOfData(tensorOf(operator, argument, data, dtype, dims), Tensor);
}

/** Elements as they lie there, not copied. */
function part(elements: Column["elements"], from: number, to: number) {
  return Array.isArray(elements)
    ? elements.slice(from, to)
    : (elements as Float32Array).subarray(from, to);
}

/** Copies of rows. */
function gathered(elements: Column["elements"], rowSize: number, rows: Uint32Array) {
  if (Array.isArray(elements)) {
    return [...rows].flatMap((row) => elements.slice(row * rowSize, (row + 1) * rowSize));
  }
  const from = elements as Float32Array;
  const to = new (from.constructor as Float32ArrayConstructor)(rows.length * rowSize);
  if (rowSize === 1) {
    for (let i = 0; i < rows.length; i++) to[i] = from[rows[i] as number] as number;
  } else {
    for (let i = 0; i < rows.length; i++) {
      const start = (rows[i] as number) * rowSize;
      to.set(from.subarray(start, start + rowSize), i * rowSize);
    }
  }
  return to;
}
