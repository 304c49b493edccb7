// One conversion buffer: a float and its bits.
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The 16 bits of the IEEE 754 binary16 nearest to x, ties to even; overflow gives infinity. */
export function toFloat16(x: number): number {
  float[0] = x;
  const word = bits[0] as number;
  const sign = (word >>> 16) & 0x8000;
  const exponent = ((word >>> 23) & 0xff) - 112;
  const fraction = word & 0x7fffff;
  if (exponent >= 31) return Number.isNaN(x) ? sign | 0x7e00 : sign | 0x7c00;
  if (exponent <= 0) {
    if (exponent < -10) return sign;
    return sign | roundShift(fraction | 0x800000, 14 - exponent);
  }
  return sign | ((exponent << 10) + roundShift(fraction, 13));
}

/** The number that 16 bits of IEEE 754 binary16 stand for. */
export function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The 16 bits of the bfloat16 nearest to x, ties to even. */
export function toBFloat16(x: number): number {
  float[0] = x;
  const word = bits[0] as number;
  if (Number.isNaN(x)) return (word >>> 16) | 0x40;
  return roundShift(word, 16) & 0xffff;
}

/** The number that 16 bits of bfloat16 stand for. */
export function fromBFloat16(half: number): number {
  bits[0] = half << 16;
  return float[0] as number;
}

function roundShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & (2 ** shift - 1);
  const half = 2 ** (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}
