import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const PIXELS = 28 * 28;

/** 10,000 handwritten digits of the MNIST database (LeCun et al. 1998), as the package mnist has them, the
 * same 2,000 of them held out every time. */
export function readDigits() {
  const entry = pathToFileURL(createRequire(import.meta.url).resolve("mnist"));
  const all = [];
  for (let digit = 0; digit < 10; digit++) {
    const file = new URL(`digits/${digit}.json`, entry);
    const { data } = JSON.parse(readFileSync(file, "utf8"));
    for (let at = 0; at < data.length; at += PIXELS) {
      all.push({ digit, pixels: data.slice(at, at + PIXELS) });
    }
  }
  // Fisher and Yates's shuffle by the minimal standard generator of Park and Miller (1988).
  let state = 7;
  for (let i = all.length - 1; i > 0; i--) {
    state = (state * 48271) % 2147483647;
    const j = Math.floor((state / 2147483647) * (i + 1));
    [all[i], all[j]] = [all[j], all[i]];
  }
  return { training: columnsOf(all.slice(2000)), heldOut: columnsOf(all.slice(0, 2000)) };
}

function columnsOf(digits) {
  const image = new Float32Array(digits.length * PIXELS);
  digits.forEach(({ pixels }, i) => {
    image.set(pixels, i * PIXELS);
  });
  return { image, digit: BigInt64Array.from(digits, ({ digit }) => BigInt(digit)) };
}
