import { type Attributes, attribute } from "../block.ts";
import { addDims, type Dim, type Shape } from "../dim.ts";
import { type DType, dtypeCode, dtypeOfCode, isDType } from "../dtype.ts";
import { checkOptions, failArgument } from "../errors.ts";
import type { Graph } from "../graph.ts";
import { isValue, lift, type Operand, requireValue } from "../lift.ts";
import {
  constantInts,
  inputOf,
  intOf,
  type NodeFacts,
  resolveAxis,
  type Schema,
  type Schemas,
} from "../schema.ts";
import { int64Data } from "../tensor.ts";
import type { Value } from "../value.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { requireOpset } from "./axes.ts";
import { range } from "./creation.ts";
import { checkType, emitOne, optionalInt } from "./emit.ts";
import { gather } from "./indexing.ts";
import { cast } from "./logic.ts";
import { unsqueeze } from "./reshape.ts";
import { asScalar, checkSizes, type Size, sizeOf } from "./sizes.ts";

/** Options of dft. */
export interface DftOptions {
  /** The axis of the signal, not the last one. By default the last but one. */
  readonly axis?: number;
  /** Cut the signal to this length, or fill it up with zeros. By default its own. */
  readonly length?: Size;
  /** The inverse transform, divided by the length. Default false. */
  readonly inverse?: boolean;
  /** Only the first half of the spectrum: of a real signal forwards, to a real signal with `inverse`.
   * Default false. */
  readonly onesided?: boolean;
}

/** The discrete Fourier transform along one axis, the sum of x[n] exp(-2πi k n / N). Needs opset 17.
 *
 * ```ts
 * const spectrum = dft(unsqueeze(signal, -1), { onesided: true });
 * ```
 * @param x the last axis is [real] or [real, imaginary]
 * @returns [real, imaginary] along the last axis, or [real] of a onesided inverse */
export function dft(x: Operand, options: DftOptions = {}): Value {
  checkOptions("dft", options, ["axis", "length", "inverse", "onesided"]);
  const value = requireValue("dft", "x", x);
  const { graph } = value;
  requireOpset("dft", graph, 17);
  const { axis = -2, length, inverse = false, onesided = false } = options;
  if (length !== undefined) checkSizes("dft", "length", [length], 1);
  const at = value.shape === undefined ? axis : resolveAxis("dft", axis, value.shape.length);
  const count = length === undefined ? undefined : scalarOf(graph, length);
  const attributes = {
    ...optionalInt("inverse", inverse, 0),
    ...optionalInt("onesided", onesided, 0),
  };
  if (graph.opset < 20) {
    return emitOne("DFT", [value, count], { ...attributes, axis: attribute.int(at) }, "dft");
  }
  return emitOne("DFT", [value, count, graph.lifted(int64Data(at))], attributes, "dft");
}

/** Options of stft; at least one of `window` and `frameLength`. */
export interface StftOptions {
  /** A vector to multiply each frame by. */
  readonly window?: Operand;
  /** The length of a frame, by default that of the window. */
  readonly frameLength?: Size;
  /** Only the first half of each spectrum. Default true. */
  readonly onesided?: boolean;
}

/** The spectra of frames of a signal, one every so many entries (the short-time Fourier transform). Needs
 * opset 17.
 *
 * @param signal [batch, length, 1] or, not onesided, [batch, length, 2]
 * @returns [batch, frames, bins, 2] */
export function stft(signal: Operand, frameStep: Size, options: StftOptions = {}): Value {
  checkOptions("stft", options, ["window", "frameLength", "onesided"]);
  const value = requireValue("stft", "signal", signal);
  const { graph, dtype } = value;
  requireOpset("stft", graph, 17);
  const { window, frameLength, onesided = true } = options;
  if (window === undefined && frameLength === undefined) {
    failArgument("stft", "frameLength", "a size, or a window", undefined);
  }
  const inputs = [
    value,
    scalarOf(graph, frameStep),
    window === undefined ? undefined : lift("stft", "window", window, dtype, graph),
    ...(frameLength === undefined ? [] : [scalarOf(graph, frameLength)]),
  ];
  return emitOne("STFT", inputs, optionalInt("onesided", onesided, 1), "stft");
}

/** STFT in other operators. */
export function framesTransformed(
  signal: Value,
  frameStep: Value,
  window: Value | undefined,
  frameLength: Value | undefined,
  onesided: boolean,
): Value {
  const whole = (value: Value) => asScalar(cast(value, "int64"));
  const step = whole(frameStep);
  const length = frameLength === undefined ? sizeAsScalar(window as Value, 0) : whole(frameLength);
  const last = sub(sizeAsScalar(signal, 1), length);
  const starts = range(0, add(div(last, step), 1));
  const places = add(unsqueeze(mul(starts, step), 1), range(0, length));
  const frames = gather(signal, places, { axis: 1 });
  const weighted = window === undefined ? frames : mul(frames, unsqueeze(window, 1));
  return dft(weighted, { axis: 2, onesided });
}

function sizeAsScalar(x: Value, axis: number): Value {
  const size = sizeOf(x, axis);
  return isValue(size) ? asScalar(size) : x.graph.lifted(int64Data(size));
}

function scalarOf(graph: Graph, size: Size): Value {
  return isValue(size) ? asScalar(size) : graph.lifted(int64Data(size));
}

/** Options of the windows. */
export interface SpectralWindowOptions {
  /** As one period of an endless signal, the first entries of a window longer by one. Default true. */
  readonly periodic?: boolean;
  /** Default float32. */
  readonly dtype?: DType;
}

/** The window ½ - ½ cos(2π n / N). Needs opset 17. */
export const hannWindow = spectralWindow("HannWindow", "hannWindow");

/** The window 25/46 - 21/46 cos(2π n / N). Needs opset 17. */
export const hammingWindow = spectralWindow("HammingWindow", "hammingWindow");

/** The window 0.42 - ½ cos(2π n / N) + 0.08 cos(4π n / N). Needs opset 17. */
export const blackmanWindow = spectralWindow("BlackmanWindow", "blackmanWindow");

function spectralWindow(op: string, operator: string) {
  return (graph: Graph, size: Size, options: SpectralWindowOptions = {}): Value => {
    checkOptions(operator, options, ["periodic", "dtype"]);
    requireOpset(operator, graph, 17);
    checkSizes(operator, "size", [size], 1);
    const attributes = {
      ...optionalInt("periodic", options.periodic ?? true, 1),
      ...outputType(operator, options.dtype),
    };
    return emitOne(op, [scalarOf(graph, size)], attributes, operator);
  };
}

/** What melWeightMatrix is made of. */
export interface MelOptions {
  /** The number of mel bands. */
  readonly bands: number;
  /** The length of the Fourier transform whose onesided spectrum is weighted. */
  readonly dftLength: number;
  /** Samples a second. */
  readonly sampleRate: number;
  /** The lower edge of the lowest band, in hertz. */
  readonly low: number;
  /** The upper edge of the highest band, in hertz. */
  readonly high: number;
  /** Default float32. */
  readonly dtype?: DType;
}

/** The matrix that takes a onesided spectrum to mel bands, triangles of height 1. Needs opset 17.
 *
 * @returns [dftLength / 2 + 1, bands] */
export function melWeightMatrix(graph: Graph, options: MelOptions): Value {
  const names = ["bands", "dftLength", "sampleRate", "low", "high", "dtype"];
  checkOptions("melWeightMatrix", options, names);
  requireOpset("melWeightMatrix", graph, 17);
  const { bands, dftLength, sampleRate, low, high, dtype } = options;
  checkSizes(
    "melWeightMatrix",
    "bands, dftLength and sampleRate",
    [bands, dftLength, sampleRate],
    1,
  );
  const inputs = [
    ...[bands, dftLength, sampleRate].map((size) => graph.lifted(int64Data(size))),
    ...[low, high].map((edge) => graph.constant(edge)),
  ];
  const attributes = outputType("melWeightMatrix", dtype);
  return emitOne("MelWeightMatrix", inputs, attributes, "melWeightMatrix");
}

function outputType(operator: string, dtype: DType = "float32"): Attributes {
  if (!isDType(dtype)) failArgument(operator, "dtype", "an element type such as float32", dtype);
  return optionalInt("output_datatype", dtypeCode(dtype), 1);
}

function typeOf(node: NodeFacts): { readonly dtype: DType } {
  return { dtype: dtypeOfCode(intOf(node, "output_datatype", 1)) };
}

const windowSchema: Schema<{ readonly dtype: DType }> = {
  arity: 1,
  normal: typeOf,
  infer: (node, { dtype }) => [{ dtype, shape: [inputOf(node, 0).elements?.[0]] }],
};

/** The axis of a DFT, from 0 where the rank is known; undefined where the model computes it. */
function dftAxis(node: NodeFacts): number | undefined {
  const given =
    node.opset < 20
      ? intOf(node, "axis", 1)
      : node.inputs[2] === undefined
        ? -2
        : constantInts(node.inputs[2])?.[0];
  const { shape } = inputOf(node, 0);
  if (given === undefined || shape === undefined) return given;
  return resolveAxis(node.operator, given, shape.length);
}

function sizeIn(value: Value | undefined): Dim {
  return value?.elements?.[0] ?? (value?.data?.size === 1 ? value.data.toNumbers()[0] : undefined);
}

/** How many entries of a spectrum of n are not the mirror image of others. */
function halfOf(n: Dim): Dim {
  return typeof n === "number" ? Math.floor(n / 2) + 1 : undefined;
}

function dftShape(
  node: NodeFacts,
  axis: number | undefined,
  inverse: boolean,
  onesided: boolean,
): Shape | undefined {
  const { shape } = inputOf(node, 0);
  if (shape === undefined) return undefined;
  const given = node.inputs[1];
  const own = axis === undefined ? undefined : shape[axis];
  const backwards = typeof own === "number" ? 2 * (own - 1) : undefined;
  const length = given === undefined ? (inverse && onesided ? backwards : own) : sizeIn(given);
  const count = onesided && !inverse ? halfOf(length) : length;
  const parts = onesided && inverse ? 1 : 2;
  return shape.map((dim, i) => {
    if (i === shape.length - 1) return parts;
    return axis === undefined ? undefined : i === axis ? count : dim;
  });
}

export const spectrumSchemas: Schemas<
  "DFT" | "STFT" | "HannWindow" | "HammingWindow" | "BlackmanWindow" | "MelWeightMatrix"
> = {
  DFT: {
    arity: [1, 3],
    normal: (node) => ({
      axis: dftAxis(node),
      inverse: intOf(node, "inverse", 0) === 1,
      onesided: intOf(node, "onesided", 0) === 1,
    }),
    infer: (node, { axis, inverse, onesided }) => {
      const x = inputOf(node, 0);
      checkType(node.operator, "x", x, "float");
      return [{ dtype: x.dtype, shape: dftShape(node, axis, inverse, onesided) }];
    },
  },
  STFT: {
    arity: [2, 4],
    normal: (node) => ({ onesided: intOf(node, "onesided", 1) === 1 }),
    infer: (node, { onesided }) => {
      const [signal, step] = [inputOf(node, 0), sizeIn(node.inputs[1])];
      checkType(node.operator, "signal", signal, "float");
      const length = sizeIn(node.inputs[3]) ?? node.inputs[2]?.shape?.[0];
      const room = addDims(signal.shape?.[1], typeof length === "number" ? -length : undefined);
      const known = typeof room === "number" && typeof step === "number";
      const frames = known ? Math.floor(room / step) + 1 : undefined;
      const bins = onesided ? halfOf(length) : length;
      return [{ dtype: signal.dtype, shape: [signal.shape?.[0], frames, bins, 2] }];
    },
  },
  HannWindow: windowSchema,
  HammingWindow: windowSchema,
  BlackmanWindow: windowSchema,
  MelWeightMatrix: {
    arity: 5,
    normal: typeOf,
    infer: (node, { dtype }) => {
      const [bands, length] = [sizeIn(node.inputs[0]), sizeIn(node.inputs[1])];
      return [{ dtype, shape: [halfOf(length), bands] }];
    },
  },
};
