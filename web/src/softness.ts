import { digits } from "./dom.ts";

/** A slider whose steps multiply: for softness, which spans decades.
 *
 * @param input a range from `data-least` to `data-most`, whose own steps are only places
 * @returns the softness now */
export function softnessSlider(
  input: HTMLInputElement,
  output: HTMLElement,
  onChange: () => void,
): () => number {
  const least = Number(input.dataset.least);
  const ratio = Number(input.dataset.most) / least;
  const value = () => least * ratio ** (Number(input.value) / Number(input.max));
  const show = () => {
    output.textContent = digits(value());
    input.setAttribute("aria-valuetext", `softness ${digits(value())}`);
  };
  input.addEventListener("input", () => {
    show();
    onChange();
  });
  show();
  return value;
}
