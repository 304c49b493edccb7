import { callOf, membersTable, oneLine } from "./entries.mjs";
import { block, cell, code, firstSentence, prose, stack, table } from "./markdown.mjs";
import { NOTE } from "./paths.mjs";

/** The page of one soft operator.
 *
 * @param entity of declarations.mjs
 * @param about family, defaults (the frozen object, if there is one), pictures ([{ file, caption }]), result
 * (the interface that it gives, if it is one of ours), operators (names of all), types (comments by name), link (typeLinker) and
 * straightThrough (whether st has it) */
export function softPage(entity, about) {
  const { name, comment, signatures, file } = entity;
  const [signature] = signatures;
  const { description, formula, example, cost, sources, throws } = comment;
  return `${stack(
    NOTE,
    `# soft.${name}`,
    `[Reference](../README.md) › ${about.family}`,
    prose(description),
    about.pictures.map(({ file: picture, caption }) => pictureOf(name, picture, caption)),
    block("ts", callOf(`soft.${name}`, signature)),
    "## Formula",
    block("text", formula.replace(/`/g, "")),
    "## Parameters",
    parametersOf(entity, about),
    resultOf(comment, signature, about),
    optionsOf(signature, about),
    "## Example",
    block("ts", example),
    "## Errors",
    throws.map((text) => sentence(text.replace(/^GraphError/, "`GraphError`"))).join("\n\n"),
    "## Cost",
    withLinks(sentence(cost), about),
    sources && "## Sources",
    sources && withLinks(sentence(sources), about),
    about.straightThrough &&
      `---\n\n[\`st.${name}\`](../straight-through.md) takes the same arguments, gives exactly the hard value and has the gradient of the soft one.`,
    `Source: [${file}](../../../${file})`,
  )}\n`;
}

/** On one line, from a capital to a full stop. */
function sentence(text) {
  const line = oneLine(text).replace(/^[a-z]/, (letter) => letter.toUpperCase());
  return line.endsWith(".") ? line : `${line}.`;
}

/** "See argsort" as a link. */
function withLinks(text, { operators }) {
  return text.replace(/\b([Ss]ee) (\w+)\b/g, (whole, see, name) =>
    operators.includes(name) ? `${see} [${name}](${name}.md)` : whole,
  );
}

function pictureOf(name, file, caption) {
  const image = `![soft.${name}](../pictures/${file})`;
  return caption === "" ? image : `${image}\n\n*${caption}*`;
}

function parametersOf({ comment, signatures: [signature] }, { link }) {
  return table(
    ["parameter", "type", "shape and meaning"],
    signature.parameters
      .filter(({ name }) => name !== "options")
      .map(({ name, type }) => [code(name), link(type), cell(comment.parameters.get(name))]),
  );
}

function resultOf({ returns }, signature, { result, link }) {
  return stack(
    `**Returns** ${link(signature.returns)}: ${oneLine(returns)}`,
    result && membersTable(result.members, link),
  );
}

function optionsOf(signature, { defaults, link, types }) {
  const options = signature.parameters.find(({ name }) => name === "options")?.options;
  if (options === undefined) return undefined;
  return stack(
    "## Options",
    table(
      ["option", "type", "default", "meaning"],
      options.members.map(({ name, type, comment }) => [
        code(name),
        link(type),
        code(literal(defaults[name])),
        cell(meaningOf(comment.description, types.get(type), defaults[name])),
      ]),
    ),
  );
}

/** A default as the comments write it. */
export function literal(value) {
  if (typeof value === "number" && value > 0 && value < 1e-3) return value.toExponential();
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** Without the sentence that says the default, which has a column. */
function meaningOf(description, type, value) {
  const rest = description
    .replace(/\s+/g, " ")
    .replace(`Default ${literal(value)}.`, "")
    .replace(/^Default "[^.]*\.$/, "")
    .trim();
  if (rest !== "") return rest;
  return type === undefined ? "" : firstSentence(type);
}
