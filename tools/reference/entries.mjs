import { block, cell, code, prose, stack, table } from "./markdown.mjs";

/** How a function is called. */
export function callOf(name, { text }) {
  const line = `${name}${text}`;
  if (line.length <= 96) return line;
  // One parameter a line: at the commas of the outermost parentheses.
  const open = openingOf(line);
  const close = closingOf(line, open);
  const parts = splitOutside(line.slice(open + 1, close));
  return `${line.slice(0, open + 1)}\n${parts.map((part) => `  ${part.trim()},`).join("\n")}\n${line.slice(close)}`;
}

/** Where the parameters begin, after the type parameters. */
function openingOf(line) {
  let depth = 0;
  for (let i = 0; i < line.length; i++) {
    if (line[i] === "<") depth++;
    else if (line[i] === ">" && line[i - 1] !== "=") depth--;
    else if (line[i] === "(" && depth === 0) return i;
  }
  return line.indexOf("(");
}

function closingOf(line, open) {
  let depth = 0;
  for (let i = open; i < line.length; i++) {
    if ("([{".includes(line[i])) depth++;
    else if (")]}".includes(line[i]) && --depth === 0) return i;
  }
  return line.length;
}

function splitOutside(text) {
  const parts = [""];
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if ("([{<".includes(letter)) depth++;
    else if (")]}".includes(letter) || (letter === ">" && text[i - 1] !== "=")) depth--;
    if (letter === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return parts;
}

/** A function under a heading: how it is called, and all that its comment says.
 *
 * @param level of the heading, as "##"
 * @param link makes a type Markdown
 * @param prefix before the name in the call, as "optimizers." */
export function functionEntry(level, entity, link, prefix = "") {
  const { comment, signatures, name } = entity;
  const options = signatures.flatMap(({ parameters }) =>
    parameters.flatMap((parameter) => parameter.options?.name ?? []),
  );
  return stack(
    `${level} ${name}`,
    block("ts", signatures.map((signature) => callOf(prefix + name, signature)).join("\n")),
    commentBody(comment),
    /^\w+$/.test(options[0] ?? "") && `Options: ${link(options[0])}`,
  );
}

/** What a comment says, other than of a soft operator. */
export function commentBody(comment) {
  const { description, formula, parameters, returns, throws, example, cost, sources } = comment;
  return stack(
    description && prose(description),
    formula && block("text", formula.replace(/`/g, "")),
    [...parameters].map(([name, text]) => `- ${code(name)}: ${oneLine(text)}`).join("\n"),
    returns && `Returns ${oneLine(returns)}`,
    throws.map((text) => `Throws ${oneLine(text)}`).join("\n\n"),
    example && block("ts", example),
    cost && `Cost: ${oneLine(cost)}`,
    sources && `Sources: ${oneLine(sources)}`,
  );
}

export function oneLine(text) {
  return prose(text).replace(/\s*\n\s*/g, " ");
}

/** A type under a heading. */
export function typeEntry(level, entity, link) {
  const { name, kind, comment, members = [], text } = entity;
  const definition = kind === "type" ? block("ts", `type ${name} = ${text}`) : undefined;
  const data = members.filter(({ signatures = [] }) => signatures.length === 0);
  const methods = members.filter(({ signatures = [] }) => signatures.length > 0);
  return stack(
    `${level} ${name}`,
    commentBody(comment),
    definition,
    data.length > 0 ? membersTable(data, link) : undefined,
    methods.map((method) =>
      stack(
        block("ts", method.signatures.map((each) => callOf(method.name, each)).join("\n")),
        commentBody(method.comment),
      ),
    ),
  );
}

export function membersTable(members, link) {
  return table(
    ["name", "type", "meaning"],
    members.map(({ name, optional, type, comment }) => [
      code(optional ? `${name}?` : name),
      link(type),
      cell(comment.description ?? ""),
    ]),
  );
}
