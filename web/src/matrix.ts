import { digits, draw, setAll } from "./dom.ts";

const CELL = 46;
const EDGE = 34;

/** A soft permutation as a picture: row i says which points make up the one that comes i-th.
 *
 * @returns draws other numbers, [n, n] row by row */
export function matrixIn(place: HTMLElement, n: number): (numbers: ArrayLike<number>) => void {
  const side = EDGE + n * CELL;
  const svg = draw("svg", { class: "matrix", role: "img", viewBox: `0 0 ${side} ${side}` });
  const cells = Array.from({ length: n * n }, (_, k) => {
    const [row, column] = [Math.floor(k / n), k % n];
    const [x, y] = [EDGE + column * CELL, EDGE + row * CELL];
    const box = draw("rect", {
      x: x + 1.5,
      y: y + 1.5,
      width: CELL - 3,
      height: CELL - 3,
      rx: 6,
      class: "cell",
    });
    const text = draw("text", { x: x + CELL / 2, y: y + CELL / 2 + 5, class: "weight" });
    svg.append(box, text);
    return { box, text };
  });
  for (let i = 0; i < n; i++) {
    const middle = EDGE + i * CELL + CELL / 2;
    svg.append(
      draw("text", { x: middle, y: EDGE - 12, class: "edge" }, String.fromCharCode(97 + i)),
      draw("text", { x: EDGE - 16, y: middle + 5, class: "edge" }, `${i + 1}`),
    );
  }
  place.append(svg);
  return (numbers) => {
    const rows: string[] = [];
    for (const [k, { box, text }] of cells.entries()) {
      const weight = numbers[k] as number;
      box.style.setProperty("--weight", weight.toFixed(3));
      text.textContent = weight < 0.005 ? "" : weight.toFixed(2).replace(/^0/, "");
      setAll(text, { class: weight > 0.55 ? "weight strong" : "weight" });
      if (k % n === n - 1) {
        const row = Array.from({ length: n }, (_, j) => numbers[k - n + 1 + j] as number);
        const top = row.indexOf(Math.max(...row));
        rows.push(
          `place ${rows.length + 1}: ${digits((row[top] as number) * 100)} percent point ${String.fromCharCode(97 + top)}`,
        );
      }
    }
    setAll(svg, { "aria-label": `Soft permutation matrix. ${rows.join("; ")}` });
  };
}
