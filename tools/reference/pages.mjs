import { commentBody, functionEntry, typeEntry } from "./entries.mjs";
import { GRAPH_MEMBERS, OPERATOR_FAMILIES, SOFT_FAMILIES } from "./families.mjs";
import { anchor, block, cell, code, firstSentence, stack, table } from "./markdown.mjs";
import { NOTE } from "./paths.mjs";
import { captionsOf } from "./pictures/pictures.mjs";
import { softPage } from "./soft-page.mjs";
import { typeLinker } from "./types.mjs";

/** All pages of the reference.
 *
 * @param main what softonnx exports
 * @param node what softonnx/node exports
 * @param web what softonnx/web exports
 * @param soft the soft operators and their frozen defaults, loaded
 * @param samples of the pictures
 * @returns Markdown by path, from the folder of the reference */
export function pagesOf({ main, node, web, soft, samples }) {
  const named = (list, name) => list.find((entity) => entity.name === name);
  const operators = named(main, "soft").members;
  const straight = named(main, "st").members;
  const parts = partsOf(main);
  // Options are on the page of their operator.
  const ofSoft = operators.filter((one) => isType(one) && !one.name.endsWith("Options"));
  const types = unique([...parts.types, ...ofSoft]).sort(byName);
  const names = types.map(({ name }) => name);
  const link = typeLinker(names);
  const pages = {
    "README.md": indexPage(operators, parts),
    "types.md": typesPage(types, parts.constants, link),
    "straight-through.md": straightPage(parts.straight, straight, link),
    "graph.md": classPage("Graph", named(main, "Graph"), GRAPH_MEMBERS, link),
    "value.md": valuePage(named(main, "Value"), link),
    "gradients.md": listPage("Gradients", GRADIENTS, parts.gradients, link),
    "operators.md": operatorsPage(parts.operators, link),
    "training.md": trainingPage(parts.training, link),
    "node.md": hostPage("softonnx/node", node, link),
    "web.md": hostPage("softonnx/web", web, link),
  };
  const comments = new Map(types.map(({ name, comment }) => [name, comment.description]));
  for (const [family, members] of Object.entries(SOFT_FAMILIES)) {
    for (const name of members) {
      const entity = named(operators, name);
      if (entity === undefined) continue;
      pages[`soft/${name}.md`] = softPage(entity, {
        family,
        defaults: defaultsOf(entity, soft),
        pictures: captionsOf(name, samples[name]),
        operators: operators.map((one) => one.name),
        result: operators.find(
          (type) => type.kind === "interface" && type.name === resultName(entity),
        ),
        types: comments,
        link: typeLinker(names, "../"),
        straightThrough: named(straight, name) !== undefined,
      });
    }
  }
  return pages;
}

/** By name: what two modules export is there once. */
function unique(entities) {
  return [...new Map(entities.map((entity) => [entity.name, entity])).values()];
}

const resultName = ({ signatures: [signature] }) => signature.returns.replace(/<.*/, "");

const isType = ({ kind }) => kind === "interface" || kind === "type";
const byName = (a, b) => (a.name < b.name ? -1 : 1);

/** The frozen object of defaults that belongs to an operator's options. */
export function defaultsOf({ signatures: [signature] }, soft) {
  const options = signature.parameters.find(({ name }) => name === "options")?.options;
  if (options === undefined) return undefined;
  const name = options.name.replace(/<.*/, "").replace(/Options$/, "Defaults");
  return soft[name[0].toLowerCase() + name.slice(1)];
}

/** The exports of softonnx other than soft and st, by the page that they are on. */
function partsOf(main) {
  const parts = {
    types: [],
    constants: [],
    straight: [],
    gradients: [],
    operators: [],
    training: [],
  };
  const pages = [
    [({ name }) => ["soft", "st", "Graph", "Value"].includes(name), undefined],
    [({ file }) => file.startsWith("src/train/"), "training"],
    [isType, "types"],
    [({ kind }) => kind === "class", "types"],
    [({ kind }) => kind === "constant", "constants"],
    [({ file }) => file === "src/ops/straight-through.ts", "straight"],
    [({ file }) => /^src\/grad\/|\/operators\/gradient\.ts$/.test(file), "gradients"],
    [({ file }) => file.startsWith("src/builder/operators/"), "operators"],
  ];
  for (const entity of main) {
    const [, part] = pages.find(([test]) => test(entity)) ?? [];
    if (part !== undefined) parts[part].push(entity);
    else if (!["soft", "st", "Graph", "Value"].includes(entity.name)) {
      throw new Error(`${entity.name} of ${entity.file} has no page`);
    }
  }
  return parts;
}

function page(title, ...pieces) {
  return `${stack(NOTE, `# ${title}`, ...pieces)}\n`;
}

const UP = "[Reference](README.md)";

function indexPage(operators, parts) {
  const families = Object.entries(SOFT_FAMILIES).map(([family, names]) => {
    const lines = names
      .map((name) => operators.find((entity) => entity.name === name))
      .filter((entity) => entity !== undefined)
      .map(({ name, comment }) => [
        `[${code(name)}](soft/${name}.md)`,
        cell(firstSentence(comment.description)),
      ]);
    return lines.length === 0 ? [] : [`### ${family}`, table(["operator", ""], lines)];
  });
  const list = (entities) => entities.map(({ name }) => code(name)).join(" ");
  return page(
    "API reference",
    'From `softonnx`: `import { Graph, grad, soft, st, … } from "softonnx"`; with sessions and the stepper from `softonnx/node`. Made from the comments in the source by `npm run docs`; the pictures are of the exported models, run by onnxruntime-node.',
    "## Soft operators",
    "Each takes [`softness`](types.md#softness), a number or a learned Value, and a [`mode`](types.md#mode); those of the family *Order* a [`method`](types.md#method). Without options they have SoftTorch's defaults.",
    ...families.flat(),
    "## The rest",
    table(
      ["page", ""],
      [
        ["[Straight through](straight-through.md)", `${code("st.*")} ${list(parts.straight)}`],
        [
          "[Graph](graph.md)",
          "inputs, parameters, outputs and updates; reading and writing models",
        ],
        ["[Value](value.md)", "one tensor in a graph, and its methods"],
        ["[Gradients](gradients.md)", list(parts.gradients)],
        ["[ONNX operators](operators.md)", "typed functions, from `abs` to `zerosLike`"],
        ["[Training](training.md)", list(parts.training.filter((one) => !isType(one)))],
        ["[softonnx/node](node.md)", "sessions, the training stepper, `evaluate`, files"],
        ["[softonnx/web](web.md)", "the same in a page, on onnxruntime-web"],
        [
          "[Types, errors and constants](types.md)",
          "`Mode` `Method` `Softness` `Operand` `DType` …",
        ],
      ],
    ),
  );
}

function typesPage(types, constants, link) {
  return page(
    "Types, errors and constants",
    UP,
    ...types.map((type) => typeEntry("##", type, link)),
    "## Constants",
    ...constants.map(({ name, type, comment }) =>
      stack(`### ${name}`, block("ts", `const ${name}: ${type}`), commentBody(comment)),
    ),
  );
}

function straightPage(functions, straight, link) {
  const names = straight.map(({ name }) => `[${code(`st.${name}`)}](soft/${name}.md)`);
  return page(
    "Straight through",
    UP,
    "A straight-through operator gives forward exactly the hard value, and backward has the gradient of the soft operator. An inference export keeps the hard side alone.",
    "## st",
    "Each takes what the soft operator of its name takes:",
    names.join(" "),
    ...functions.map((entity) => functionEntry("##", entity, link)),
  );
}

function classPage(title, entity, shown, link) {
  const members = shown.map((name) => {
    const member = entity.members.find((one) => one.name === name);
    if (member === undefined) throw new Error(`${title} has no ${name}`);
    return member;
  });
  return page(
    title,
    UP,
    commentBody(entity.comment),
    ...members.map((one) => memberEntry(title, one, link)),
  );
}

function memberEntry(owner, member, link) {
  const { name, isStatic, signatures, type, comment } = member;
  const subject = isStatic ? owner : owner.toLowerCase();
  if (signatures.length > 0) return functionEntry("##", member, link, `${subject}.`);
  return stack(`## ${name}`, block("ts", `${subject}.${name}: ${type}`), commentBody(comment));
}

function valuePage({ comment, members }, link) {
  const methods = members.filter(({ signatures }) => signatures.length > 0);
  const data = members.filter(({ signatures }) => signatures.length === 0);
  return page(
    "Value",
    UP,
    commentBody(comment),
    "## Properties",
    table(
      ["name", "type", "meaning"],
      data.map((one) => [code(one.name), link(one.type), cell(one.comment.description ?? "")]),
    ),
    "## Methods",
    table(
      ["method", "meaning"],
      methods.map(({ name, signatures, comment: said }) => [
        `\`${name}${signatures[0].text.replace(/\|/g, "\\|")}\``,
        cell(said.description),
      ]),
    ),
  );
}

const GRADIENTS =
  "Gradients are appended to the graph as ordinary operators, so that they can be differentiated again.";

function listPage(title, introduction, entities, link) {
  const entries = entities.map((entity) => functionEntry("##", entity, link));
  return page(title, UP, introduction, ...entries);
}

function operatorsPage(entities, link) {
  const families = new Map();
  const order = [...new Set(Object.values(OPERATOR_FAMILIES))];
  for (const entity of entities) {
    const file = /(\w+)\.ts$/.exec(entity.file)[1];
    const family = OPERATOR_FAMILIES[file] ?? file.replace(/^./, (letter) => letter.toUpperCase());
    families.set(family, [...(families.get(family) ?? []), entity]);
  }
  const place = (family) => (order.includes(family) ? order.indexOf(family) : order.length);
  const sorted = [...families].sort(([a], [b]) => place(a) - place(b));
  return page(
    "ONNX operators",
    UP,
    "Typed functions, with ONNX's own argument names. An [`Operand`](types.md#operand) is a Value, a number, a nested array or a typed array; one at least must be a Value. Shapes and types are inferred at the call, and what cannot be is a `GraphError` there. Operators that are not here are reached by [`graph.node`](graph.md#node).",
    sorted
      .map(([family, members]) => {
        const names = members.map(({ name }) => `[${code(name)}](#${anchor(name)})`);
        return `- [${family}](#${anchor(family)}): ${names.join(" ")}`;
      })
      .join("\n"),
    ...sorted.flatMap(([family, members]) => [
      `## ${family}`,
      ...members.map((entity) => functionEntry("###", entity, link)),
    ]),
  );
}

function trainingPage(entities, link) {
  const alone = new Set(entities.map(({ name }) => name));
  const entry = (level, entity, prefix = "") => {
    if (entity.kind === "namespace") {
      const members = entity.members.filter(({ name }) => !alone.has(name));
      return stack(
        `${level} ${entity.name}`,
        ...members.map((one) => entry(`${level}#`, one, `${entity.name}.`)),
      );
    }
    if (entity.kind === "function") return functionEntry(level, entity, link, prefix);
    return typeEntry(level, entity, link);
  };
  const sorted = [...entities.filter((one) => !isType(one)), ...entities.filter(isType)];
  return page("Training", UP, ...sorted.map((entity) => entry("##", entity)));
}

function hostPage(title, entities, link) {
  const functions = entities.filter(({ kind }) => kind === "function");
  const others = entities.filter(({ kind }) => kind !== "function").sort(byName);
  return page(
    title,
    UP,
    ...functions.map((entity) => functionEntry("##", entity, link)),
    ...others.map((entity) => typeEntry("##", entity, link)),
  );
}
