/** Where all begin. */
export function startOf(n) {
  return Float32Array.from({ length: n }, (_, i) => Math.sin(7.3 * i));
}
