const SVG = "http://www.w3.org/2000/svg";

/** The element with this id.
 * @throws Error if the page has none of that class */
export function byId<Type extends Element>(id: string, type: new () => Type): Type {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} "${id}"`);
  return found;
}

type Properties = Readonly<Record<string, string | number | boolean>>;

/** A new element. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  setAll(element, properties);
  element.append(...children);
  return element;
}

/** A new element of a picture. */
export function draw<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: readonly (Node | string)[]
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS(SVG, tag);
  setAll(element, properties);
  element.append(...children);
  return element;
}

export function setAll(element: Element, properties: Properties): void {
  for (const [name, value] of Object.entries(properties)) {
    if (value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Calls `redraw` with the width of an element now and whenever it changes. */
export function onWidth(element: Element, redraw: (width: number) => void): void {
  let last = 0;
  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry?.contentRect.width ?? 0);
    if (width === 0 || width === last) return;
    last = width;
    redraw(width);
  }).observe(element);
}

/** Runs a task for the latest of many calls: one at a time, and those that have been overtaken not at all.
 * @param onError told of a failure */
export function latest(task: () => Promise<void>, onError: (error: unknown) => void): () => void {
  let running = false;
  let again = false;
  const run = async () => {
    running = true;
    do {
      again = false;
      await task().catch(onError);
    } while (again);
    running = false;
  };
  return () => {
    if (running) again = true;
    else void run();
  };
}

/** "0.123", with three digits that count. */
export function digits(x: number): string {
  if (!Number.isFinite(x)) return String(x);
  const text = Math.abs(x) >= 100 ? x.toFixed(0) : x.toPrecision(3);
  return (text.includes("e") ? text : String(Number(text))).replace("-", "−");
}

/** Says that something went wrong, in a place that is read out. */
export function report(place: HTMLElement, error: unknown): void {
  place.textContent = error instanceof Error ? error.message : String(error);
  place.hidden = false;
}

/** Offers bytes as a file. */
export function download(name: string, bytes: Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
