import { digits, draw, onWidth, setAll } from "./dom.ts";

const HEIGHT = 76;
const MARGIN = 18;

/** Points on a line from 0 to 1, to drag with a finger or a mouse and to move with the arrow keys.
 *
 * @param onMove told which point was touched last and that positions have changed
 * @returns the positions, and which point was touched last */
export function pointsIn(
  place: HTMLElement,
  start: readonly number[],
  onMove: () => void,
): { readonly positions: number[]; readonly chosen: () => number } {
  const positions = [...start];
  let chosen = 0;
  let width = 0;
  const svg = draw("svg", { class: "points", height: HEIGHT });
  const axis = draw("line", { class: "rail" });
  const at = (x: number) => MARGIN + x * (width - 2 * MARGIN);
  const handles = positions.map((_, i) => {
    const name = String.fromCharCode(97 + i);
    const handle = draw(
      "g",
      { class: "handle", role: "slider", tabindex: 0, "aria-label": `point ${name}` },
      draw("circle", { r: 22, class: "reach" }),
      draw("circle", { r: 13, class: "disc" }),
      draw("text", { class: "name", y: 5 }, name),
    );
    setAll(handle, { "aria-valuemin": 0, "aria-valuemax": 1 });
    const moveTo = (x: number) => {
      positions[i] = Math.min(1, Math.max(0, x));
      show();
      onMove();
    };
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      handle.focus();
      chosen = i;
      moveTo(positions[i] as number);
      event.preventDefault();
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const { left } = svg.getBoundingClientRect();
      moveTo((event.clientX - left - MARGIN) / (width - 2 * MARGIN));
    });
    handle.addEventListener("focus", () => {
      if (chosen === i) return;
      chosen = i;
      show();
      onMove();
    });
    handle.addEventListener("keydown", (event) => {
      const steps: Readonly<Record<string, number>> = {
        ArrowLeft: -0.01,
        ArrowDown: -0.01,
        ArrowRight: 0.01,
        ArrowUp: 0.01,
        PageDown: -0.1,
        PageUp: 0.1,
        Home: -1,
        End: 1,
      };
      const step = steps[event.key];
      if (step === undefined) return;
      event.preventDefault();
      moveTo((positions[i] as number) + step);
    });
    return handle;
  });
  const show = () => {
    setAll(svg, { width, viewBox: `0 0 ${width} ${HEIGHT}` });
    setAll(axis, { x1: MARGIN, x2: width - MARGIN, y1: HEIGHT / 2, y2: HEIGHT / 2 });
    for (const [i, handle] of handles.entries()) {
      const x = positions[i] as number;
      setAll(handle, {
        transform: `translate(${at(x)} ${HEIGHT / 2})`,
        "aria-valuenow": x.toFixed(2),
        "aria-valuetext": digits(Number(x.toFixed(2))),
        class: i === chosen ? "handle chosen" : "handle",
      });
    }
  };
  svg.append(axis, ...handles);
  place.append(svg);
  onWidth(place, (now) => {
    width = now;
    show();
  });
  return { positions, chosen: () => chosen };
}
