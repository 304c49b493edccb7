/** Uniform numbers, the same on every machine. */
export interface Random {
  /** The next number in (0, 1), with 53 random bits. */
  uniform(): number;
  /** The next number of the standard normal distribution. */
  normal(): number;
}

/** The numbers of one stream of a seed: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy
 * as 1, 2, 3", section 4.3), with the seed as its key and the stream's name in its counter, so that what one
 * parameter starts from does not depend on which others there are.
 *
 * @param seed a whole number from 0
 * @param stream any text */
export function randomOf(seed: number, stream: string): Random {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0] as const;
  const [high, low] = [hashOf(stream, 0x811c9dc5), hashOf(stream, 0x050c5d1f)];
  let block: readonly number[] = [];
  let used = 4;
  let index = 0;
  const word = (): number => {
    if (used === 4) {
      block = philox([index >>> 0, Math.floor(index / 2 ** 32), low, high], key);
      index++;
      used = 0;
    }
    return block[used++] as number;
  };
  const uniform = () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6) + 0.5) / 2 ** 53;
  return { uniform, normal: () => normalOf(uniform) };
}

/** Ten rounds of Philox on four words, by two key words. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): readonly [number, number, number, number] {
  let [a, b, c, d] = counter;
  let [k, l] = key;
  for (let round = 0; round < 10; round++) {
    const [first, second] = [productHigh(0xd2511f53, a), productHigh(0xcd9e8d57, c)];
    const [firstLow, secondLow] = [Math.imul(0xd2511f53, a) >>> 0, Math.imul(0xcd9e8d57, c) >>> 0];
    [a, b, c, d] = [(second ^ b ^ k) >>> 0, secondLow, (first ^ d ^ l) >>> 0, firstLow];
    k = (k + 0x9e3779b9) >>> 0;
    l = (l + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** The upper 32 bits of the product of two words. */
function productHigh(x: number, y: number): number {
  const [xl, xh, yl, yh] = [x & 0xffff, x >>> 16, y & 0xffff, y >>> 16];
  const middle = xh * yl + ((xl * yl) >>> 16);
  const other = xl * yh + (middle % 65536);
  return xh * yh + Math.floor(middle / 65536) + Math.floor(other / 65536);
}

/** FNV-1a over the text's UTF-16 units. */
function hashOf(text: string, basis: number): number {
  let hash = basis;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return hash >>> 0;
}

/** Marsaglia's polar method (Marsaglia and Bray 1964), which takes a logarithm and no other function whose
 * last digit differs between machines. */
function normalOf(uniform: () => number): number {
  for (;;) {
    const [u, v] = [2 * uniform() - 1, 2 * uniform() - 1];
    const s = u * u + v * v;
    if (s > 0 && s < 1) return u * Math.sqrt((-2 * logarithm(s)) / s);
  }
}

/** The natural logarithm by arithmetic alone: Math.log may differ in its last digit from one engine to the
 * next. With x = m 2^e and m from sqrt(1/2) to sqrt(2), log m = 2 artanh((m - 1) / (m + 1)). */
export function logarithm(x: number): number {
  let [mantissa, exponent] = [x, 0];
  for (; mantissa < Math.SQRT1_2; exponent--) mantissa *= 2;
  for (; mantissa > Math.SQRT2; exponent++) mantissa /= 2;
  const z = (mantissa - 1) / (mantissa + 1);
  const square = z * z;
  let sum = 0;
  for (let power = 23; power >= 1; power -= 2) sum = sum * square + 1 / power;
  return 2 * z * sum + exponent * Math.LN2;
}
