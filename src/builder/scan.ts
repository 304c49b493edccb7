import { ModelProtoSchema } from "onnx-buf";
import { dtypeOfCode } from "./dtype.ts";
import { checkOptions, failArgument } from "./errors.ts";
import { rawSize, type TypedField, typedStorage } from "./tensor-storage.ts";
import { utf8 } from "./utf8.ts";
import { WIRE, type WireField, type WireMessage, wireOf } from "./wire.ts";

/** What a model may hold. The defaults are far above what real models need, and so low that bytes from
 * anywhere are read or refused within seconds and, but for what they hold as raw data, a few gigabytes. */
export interface ModelLimits {
  /** Bytes of the whole model. Default 2^31 - 1, the most that protobuf writes. */
  readonly size: number;
  /** Messages (nodes, attributes, types and so on), fields that this version of ONNX does not have, and
   * byte strings in lists. Default 2 million. */
  readonly messages: number;
  /** Numbers and texts in lists, raw data excepted; a text or a 64-bit integer counts as four.
   * Default 2^26. */
  readonly values: number;
  /** Messages within messages. Default 100, as everywhere in protobuf. */
  readonly nesting: number;
  /** Subgraphs within subgraphs. Default 32. */
  readonly subgraphs: number;
  /** Dimensions of a tensor or a shape. Default 64. */
  readonly rank: number;
  /** Bytes of one text. Default 2^26. */
  readonly text: number;
}

export const MODEL_LIMITS: ModelLimits = Object.freeze({
  size: 2 ** 31 - 1,
  messages: 2_000_000,
  values: 2 ** 26,
  nesting: 100,
  subgraphs: 32,
  rank: 64,
  text: 2 ** 26,
});

/** Bytes that are no ONNX model, or one that contradicts itself or exceeds a limit. */
export class ModelFormatError extends Error {
  override readonly name: string = "ModelFormatError";
  /** Where in the bytes; undefined for what shows only in the model as a whole. */
  readonly offset: number | undefined;

  constructor(problem: string, offset?: number) {
    super(offset === undefined ? `fromModel: ${problem}` : `fromModel: byte ${offset}: ${problem}`);
    this.offset = offset;
  }
}

/** Checks that bytes can be decoded as a ModelProto: that every field lies inside its message and has
 * the wire type of its kind, texts are UTF-8, tensors hold the elements that they declare, and nothing
 * exceeds the limits. Makes no objects for what it reads, and takes one pass.
 *
 * Stricter than protobuf where the decoder would go astray or lose something: groups, a known field with
 * a foreign wire type, a single message given twice, and text that is not UTF-8 are refused.
 *
 * @throws ModelFormatError naming the byte offset */
export function scanModel(bytes: Uint8Array, limits: Partial<ModelLimits> = {}): void {
  new Scan(bytes, limitsOf(limits)).run();
}

/** The limits with defaults filled in. @throws GraphError for one that is unknown or no whole number. */
export function limitsOf(limits: Partial<ModelLimits>): ModelLimits {
  checkOptions("fromModel", limits, Object.keys(MODEL_LIMITS));
  for (const [name, limit] of Object.entries(limits)) {
    if (!Number.isSafeInteger(limit) || limit < 0) {
      failArgument("fromModel", `limits.${name}`, "a whole number from 0", limit);
    }
  }
  return { ...MODEL_LIMITS, ...limits };
}

/** A message that is open. Frames are used again at their depth, so that the scan makes no garbage. */
interface Frame {
  type: WireMessage;
  end: number;
  /** The single messages that it has had, a bit each. */
  seen: number;
  rank: number;
}

class Scan {
  readonly #bytes: Uint8Array;
  readonly #limits: ModelLimits;
  readonly #frames: Frame[] = [];
  readonly #tensor = new DeclaredTensor();
  #frame: Frame;
  #depth = 0;
  #at = 0;
  #messages = 0;
  #values = 0;
  #graphs = 0;

  constructor(bytes: Uint8Array, limits: ModelLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
    this.#frame = { type: wireOf(ModelProtoSchema), end: bytes.length, seen: 0, rank: 0 };
    this.#frames.push(this.#frame);
    if (bytes.length > limits.size) {
      this.#fail(limits.size, `the model has ${bytes.length} bytes, the limit is ${limits.size}`);
    }
  }

  run(): void {
    for (;;) {
      while (this.#at === this.#frame.end) {
        if (this.#depth === 0) return;
        this.#leave();
      }
      this.#field();
    }
  }

  #field(): void {
    const start = this.#at;
    const tag = this.#tag();
    const { type } = this.#frame;
    const field = type.fields[tag >>> 3];
    const wire = tag & 7;
    if (field === undefined) {
      this.#countMessage(start);
      this.#skip(wire, start);
    } else if (wire === field.wire) {
      this.#value(field, start);
    } else if (wire === WIRE.delimited && field.packable) {
      this.#packed(field, start);
    } else {
      this.#fail(
        start,
        `${type.name}.${field.name}: expected wire type ${field.wire}, got ${wire}`,
      );
    }
  }

  #value(field: WireField, start: number): void {
    const { type } = this.#frame;
    if (field.list && field.message === undefined) this.#countValues(field, 1, start);
    let value = 1;
    switch (field.kind) {
      case "message":
        this.#enter(field, start);
        return;
      case "varint":
        value = this.#varint();
        break;
      case "fixed32":
      case "fixed64":
        this.#advance(field.kind === "fixed32" ? 4 : 8, start);
        break;
      case "text":
        value = this.#text(start);
        break;
      case "bytes":
        value = this.#length(start);
        this.#at += value;
        break;
    }
    if (type.isTensor) this.#tensor.field(field.name, value, this.#at);
    else if (field.dimension) this.#checkSize(value, start);
  }

  /** A list of numbers in one field. */
  #packed(field: WireField, start: number): void {
    const { type } = this.#frame;
    const length = this.#length(start);
    const end = this.#at + length;
    if (field.kind !== "varint") {
      const width = field.kind === "fixed32" ? 4 : 8;
      if (length % width !== 0) {
        const wanted = `a multiple of ${width} bytes`;
        this.#fail(start, `${type.name}.${field.name}: expected ${wanted}, got ${length}`);
      }
      this.#countValues(field, length / width, start);
      if (type.isTensor) this.#tensor.list(field.name, length / width);
      this.#at = end;
      return;
    }
    let count = 0;
    while (this.#at < end) {
      const value = this.#varint(end);
      count++;
      if (field.dimension) {
        this.#countValues(field, 1, start);
        if (type.isTensor) this.#tensor.field(field.name, value, end);
        else this.#checkSize(value, start);
      }
    }
    if (field.dimension) return;
    this.#countValues(field, count, start);
    if (type.isTensor) this.#tensor.list(field.name, count);
  }

  #enter(field: WireField, start: number): void {
    const outer = this.#frame;
    this.#countMessage(start);
    if (field.dimension) this.#countRank(start);
    if ((outer.seen & field.once) !== 0) {
      this.#fail(start, `${outer.type.name}.${field.name} is given twice`);
    }
    outer.seen |= field.once;
    const end = this.#length(start) + this.#at;
    const type = field.message as WireMessage;
    if (type.isGraph && ++this.#graphs > this.#limits.subgraphs + 1) {
      this.#fail(start, `more than ${this.#limits.subgraphs} subgraphs within subgraphs`);
    }
    if (++this.#depth >= this.#limits.nesting) {
      this.#fail(start, `more than ${this.#limits.nesting} messages within messages`);
    }
    let frame = this.#frames[this.#depth];
    if (frame === undefined) {
      frame = { type, end, seen: 0, rank: 0 };
      this.#frames.push(frame);
    } else {
      frame.type = type;
      frame.end = end;
      frame.seen = 0;
      frame.rank = 0;
    }
    this.#frame = frame;
    if (type.isTensor) this.#tensor.open(start);
  }

  #leave(): void {
    const { type } = this.#frame;
    if (type.isGraph) this.#graphs--;
    if (type.isTensor) {
      const problem = this.#tensor.problem(this.#bytes);
      if (problem !== undefined) this.#fail(this.#tensor.start, problem);
    }
    this.#depth--;
    this.#frame = this.#frames[this.#depth] as Frame;
  }

  #skip(wire: number, start: number): void {
    switch (wire) {
      case WIRE.varint:
        this.#varint();
        return;
      case WIRE.fixed64:
        this.#advance(8, start);
        return;
      case WIRE.fixed32:
        this.#advance(4, start);
        return;
      case WIRE.delimited: {
        const length = this.#length(start);
        this.#at += length;
        return;
      }
      default:
        this.#fail(start, `expected a field, got wire type ${wire}, which ONNX does not use`);
    }
  }

  /** Field number and wire type. */
  #tag(): number {
    const first = this.#bytes[this.#at] as number;
    if (first >= 8 && first < 0x80) {
      this.#at++;
      return first;
    }
    const start = this.#at;
    const tag = this.#varint();
    if (tag > 0xffffffff || this.#at - start > 5) {
      this.#fail(start, "expected a field, got a field number that is too large");
    }
    if (tag < 8) this.#fail(start, "expected a field, got field number 0");
    return tag;
  }

  /** The number of bytes that follow, all inside the message. */
  #length(start: number): number {
    const length = this.#varint();
    const rest = this.#frame.end - this.#at;
    if (length > rest) {
      const { name } = this.#frame.type;
      const declared = length > Number.MAX_SAFE_INTEGER ? "too many" : `${length}`;
      this.#fail(start, `a field of ${name} declares ${declared} bytes, but ${rest} are left`);
    }
    return length;
  }

  #advance(width: number, start: number): void {
    if (this.#frame.end - this.#at < width) {
      const { name } = this.#frame.type;
      this.#fail(start, `${name} ends within a number of ${width} bytes`);
    }
    this.#at += width;
  }

  /** An unsigned number, exact up to 2^53; negative ones look like 2^64 - n. */
  #varint(end = this.#frame.end): number {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start;
    let value = 0;
    let scale = 1;
    while (at < end && at - start < 10) {
      const byte = bytes[at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.#at = at;
        return value;
      }
      scale *= 128;
    }
    if (at - start >= 10) this.#fail(start, "expected a number of at most 10 bytes");
    this.#fail(start, `${this.#frame.type.name} ends within a number`);
  }

  /** Passes over a text and gives its length. */
  #text(start: number): number {
    const length = this.#length(start);
    if (length > this.#limits.text) {
      this.#fail(start, `a text of ${length} bytes, the limit is ${this.#limits.text}`);
    }
    const bytes = this.#bytes;
    const from = this.#at;
    const end = from + length;
    let at = from;
    while (at < end && (bytes[at] as number) < 0x80) at++;
    if (at < end && utf8(bytes.subarray(from, end)) === undefined) {
      this.#fail(start, `expected a text in UTF-8 in ${this.#frame.type.name}`);
    }
    this.#at = end;
    return length;
  }

  #countMessage(start: number): void {
    if (++this.#messages > this.#limits.messages) {
      this.#fail(start, `more than ${this.#limits.messages} messages`);
    }
  }

  #countValues(field: WireField, count: number, start: number): void {
    if (field.kind === "bytes") this.#countMessage(start);
    if (field.dimension) this.#countRank(start);
    this.#values += count * field.weight;
    if (this.#values > this.#limits.values) {
      this.#fail(start, `lists of more than ${this.#limits.values} numbers in all`);
    }
  }

  #countRank(start: number): void {
    if (++this.#frame.rank > this.#limits.rank) {
      this.#fail(start, `more than ${this.#limits.rank} dimensions`);
    }
  }

  #checkSize(size: number, start: number): void {
    const problem = sizeProblem(size);
    if (problem !== undefined) this.#fail(start, problem);
  }

  #fail(offset: number, problem: string): never {
    throw new ModelFormatError(problem, offset);
  }
}

/** What a TensorProto says of itself and what it holds, as far as the scan has read it. */
class DeclaredTensor {
  /** Where its field starts. */
  start = 0;
  #size = 1;
  #code = 0;
  #external = false;
  #raw = 0;
  #listed: TypedField | undefined;
  #count = 0;
  #mixed = false;
  #nameLength = 0;
  #nameEnd = 0;
  #problem: string | undefined;

  open(start: number): void {
    this.start = start;
    this.#size = 1;
    this.#code = 0;
    this.#external = false;
    this.#raw = 0;
    this.#listed = undefined;
    this.#count = 0;
    this.#mixed = false;
    this.#nameLength = 0;
    this.#problem = undefined;
  }

  /** A field with its number, or the length of its bytes or text, which end at `end`. */
  field(name: string, value: number, end: number): void {
    switch (name) {
      case "dims":
        this.#problem ??= sizeProblem(value);
        this.#size *= value;
        break;
      case "data_type":
        if (value > 0x7fffffff) this.#problem ??= `has the data type ${value}`;
        this.#code = value;
        break;
      case "data_location":
        // The decoder keeps other numbers aside and what it had.
        if (value <= 1) this.#external = value === 1;
        else if (value > 0x7fffffff) this.#problem ??= `has the data location ${value}`;
        break;
      case "raw_data":
        this.#raw = value;
        break;
      case "name":
        this.#nameLength = value;
        this.#nameEnd = end;
        break;
      case "doc_string":
        break;
      default:
        this.list(name, 1);
    }
  }

  /** Entries of one of the typed lists. */
  list(name: string, count: number): void {
    if (count === 0) return;
    if (this.#listed !== undefined && this.#listed !== name) this.#mixed = true;
    this.#listed = name as TypedField;
    this.#count += count;
  }

  /** What is wrong with it, if something is. */
  problem(bytes: Uint8Array): string | undefined {
    const problem = this.#problem ?? this.#contradiction();
    if (problem === undefined) return undefined;
    const name = utf8(bytes.subarray(this.#nameEnd - this.#nameLength, this.#nameEnd)) ?? "";
    const short = name.length > 80 ? `${name.slice(0, 80)}…` : name;
    return `tensor ${JSON.stringify(short)} ${problem}`;
  }

  #contradiction(): string | undefined {
    const dtype = dtypeOfCode(this.#code);
    const size = this.#size;
    if (!(size <= Number.MAX_SAFE_INTEGER)) return "declares more elements than can be counted";
    const storage = typedStorage(dtype, size);
    if (this.#external || storage === undefined) return undefined;
    const listed = this.#listed;
    if (this.#mixed || (this.#raw > 0 && listed !== undefined)) {
      return "holds its elements in two fields";
    }
    const declares = `declares ${size} elements of ${dtype}`;
    if (listed !== undefined || dtype === "string") {
      if (this.#raw > 0) return `${declares} but holds raw data`;
      if (listed !== undefined && listed !== storage.field) {
        return `${declares} but holds them in ${listed}`;
      }
      const { field, count } = storage;
      return this.#count === count
        ? undefined
        : `${declares} (${count} in ${field}) but holds ${this.#count}`;
    }
    const bytes = rawSize(dtype, size);
    return this.#raw === bytes ? undefined : `${declares} (${bytes} bytes) but holds ${this.#raw}`;
  }
}

function sizeProblem(size: number): string | undefined {
  if (size >= 2 ** 63) return "has a negative dimension";
  return size > Number.MAX_SAFE_INTEGER ? `has a dimension of ${size}` : undefined;
}
