import { Graph, grad, type Value } from "softonnx";
import { byId, download, make, report } from "./dom.ts";
import { pictureOf } from "./graph-view.ts";
import { runtimeOf } from "./runtime.ts";
import { startPage } from "./shell.ts";

/** Reading a model takes a multiple of its size in memory. */
const MOST_BYTES = 256 * 2 ** 20;

startPage();
const error = byId("error", HTMLParagraphElement);
const drop = byId("drop", HTMLLabelElement);
const file = byId("file", HTMLInputElement);
const shown = byId("shown", HTMLElement);
const title = byId("model-name", HTMLHeadingElement);
const facts = byId("facts", HTMLTableSectionElement);
const operators = byId("operators", HTMLParagraphElement);
const picture = byId("picture", HTMLElement);
// It scrolls, also by the keyboard.
picture.tabIndex = 0;
const whole = byId("whole", HTMLButtonElement);
const pictureSays = byId("picture-says", HTMLParagraphElement);
const outputBox = byId("of-output", HTMLSelectElement);
const inputBoxes = byId("by-inputs", HTMLFieldSetElement);
const derive = byId("derive", HTMLButtonElement);
const save = byId("save", HTMLButtonElement);
const says = byId("derive-says", HTMLParagraphElement);

interface Opened {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What there is to download: the model with gradients. */
  result?: Uint8Array<ArrayBuffer>;
}

let opened: Opened | undefined;

async function open(name: string, bytes: Uint8Array): Promise<void> {
  error.hidden = true;
  document.body.dataset.opened = "";
  try {
    const graph = Graph.fromModel(bytes);
    opened = { name, bytes };
    title.textContent = name;
    offerGradients(graph);
    says.textContent = "";
    save.disabled = true;
    shown.hidden = false;
    await show(graph);
    document.body.dataset.opened = name;
  } catch (problem) {
    report(error, new Error(`${name} cannot be opened: ${messageOf(problem)}`));
    document.body.dataset.opened = "error";
  }
}

const messageOf = (problem: unknown) =>
  problem instanceof Error ? problem.message : String(problem);

async function show(graph: Graph): Promise<void> {
  const row = (role: string, name: string, value: Value) =>
    make(
      "tr",
      {},
      make("td", {}, role),
      make("th", { scope: "row" }, name),
      make("td", {}, value.dtype),
      make(
        "td",
        {},
        value.shape === undefined ? "any" : `[${value.shape.map((d) => d ?? "?").join(", ")}]`,
      ),
    );
  facts.replaceChildren(
    ...[...graph.inputs].map(([name, value]) => row("input", name, value)),
    ...[...graph.outputs].map(([name, value]) => row("output", name, value)),
  );
  const counts = new Map<string, number>();
  for (const { op } of graph.root.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  const most = [...counts].sort((a, b) => b[1] - a[1]);
  const words = most.slice(0, 12).map(([op, count]) => `${count} ${op}`);
  operators.textContent = `${graph.root.nodes.length} nodes: ${words.join(", ")}${most.length > 12 ? " and others" : ""}. Opset ${graph.opset}.`;
  picture.replaceChildren();
  pictureSays.textContent = "Drawing …";
  try {
    const { svg, left } = await pictureOf(graph);
    picture.replaceChildren(svg);
    showStart(svg);
    pictureSays.textContent = left === 0 ? "" : `Its first nodes; ${left} more are not drawn.`;
  } catch (problem) {
    pictureSays.textContent = `There is no picture: ${messageOf(problem)}`;
  }
}

/** Scrolls to where the graph begins, which in a wide picture is not the left edge. */
function showStart(svg: SVGSVGElement): void {
  const first = svg.querySelector(".given")?.getBoundingClientRect();
  if (first === undefined) return;
  const { left, width } = picture.getBoundingClientRect();
  picture.scrollLeft += first.left + first.width / 2 - left - width / 2;
  picture.scrollTop = 0;
}

whole.addEventListener("click", () => {
  const pressed = picture.classList.toggle("fitted");
  whole.setAttribute("aria-pressed", String(pressed));
});

const isFloat = (value: Value) => value.dtype.includes("float");

function offerGradients(graph: Graph): void {
  const outputs = [...graph.outputs].filter(([, value]) => isFloat(value));
  outputBox.replaceChildren(...outputs.map(([name]) => make("option", { value: name }, name)));
  const inputs = [...graph.inputs].filter(([, value]) => isFloat(value));
  inputBoxes.replaceChildren(
    make("legend", {}, "by"),
    ...inputs.map(([name], i) => {
      const box = make("input", { type: "checkbox", value: name, id: `by-${i}` });
      box.checked = i === 0;
      return make("span", { class: "choice" }, box, make("label", { for: `by-${i}` }, name));
    }),
  );
  derive.disabled = outputs.length === 0 || inputs.length === 0;
}

async function addGradients(): Promise<void> {
  if (opened === undefined) return;
  error.hidden = true;
  derive.disabled = true;
  const { name, bytes } = opened;
  try {
    // Anew each time: what was added the last time is not in the file.
    const graph = Graph.fromModel(bytes);
    const chosen = [...inputBoxes.querySelectorAll("input")].filter((box) => box.checked);
    if (chosen.length === 0) throw new Error("choose at least one input");
    const y = graph.value(outputBox.value);
    const xs = chosen.map((box) => graph.value(box.value));
    const before = graph.root.nodes.length;
    const gradients = grad(y.shape?.length === 0 ? y : y.sum(), xs);
    for (const [i, gradient] of gradients.entries()) {
      graph.output(freeName(graph, `d_${outputBox.value}_d_${chosen[i]?.value}`), gradient);
    }
    const result = graph.toModel();
    await show(graph);
    const { createSession } = await runtimeOf("wasm");
    const session = await createSession(result);
    await session.dispose();
    opened.result = result;
    save.disabled = false;
    says.textContent = `Added ${graph.root.nodes.length - before} nodes. The model has ${(result.length / 1024).toFixed(1)} KB, and ONNX Runtime has loaded it.`;
    document.body.dataset.derived = name;
  } catch (problem) {
    save.disabled = true;
    says.textContent = "";
    report(error, new Error(`No gradients: ${messageOf(problem)}`));
    document.body.dataset.derived = "error";
  } finally {
    derive.disabled = false;
  }
}

function freeName(graph: Graph, name: string): string {
  return graph.outputs.has(name) || graph.inputs.has(name) ? freeName(graph, `${name}_`) : name;
}

async function openFile(given: File | undefined): Promise<void> {
  if (given === undefined) return;
  if (given.size > MOST_BYTES) {
    report(
      error,
      new Error(
        `${given.name} has ${Math.round(given.size / 2 ** 20)} MB; this page opens up to 256.`,
      ),
    );
    return;
  }
  await open(given.name, new Uint8Array(await given.arrayBuffer()));
}

file.addEventListener("change", () => {
  const given = file.files?.[0];
  void openFile(given).finally(() => {
    // The same file may be chosen again.
    file.value = "";
  });
});
for (const kind of ["dragenter", "dragover"] as const) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"] as const) {
  drop.addEventListener(kind, () => drop.classList.remove("over"));
}
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  void openFile(event.dataTransfer?.files[0]);
});
for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-model]")) {
  button.addEventListener("click", async () => {
    const name = `${button.dataset.model}.onnx`;
    try {
      const response = await fetch(new URL(`../models/${name}`, import.meta.url));
      await open(name, new Uint8Array(await response.arrayBuffer()));
    } catch (problem) {
      report(error, problem);
    }
  });
}
derive.addEventListener("click", () => void addGradients());
save.addEventListener("click", () => {
  if (opened?.result === undefined) return;
  download(opened.name.replace(/(\.onnx)?$/, ".gradients.onnx"), opened.result);
});
document.body.dataset.ready = "true";
