// Pieces of Markdown as GitHub reads it.

/** Text of a comment: shapes become code, what would be markup by accident is escaped, code and lists stay. */
export function prose(text) {
  return text
    .split(/(```[\s\S]*?```|`[^`\n]*`)/)
    .map((part) => (part.startsWith("`") ? part : escaped(part)))
    .join("");
}

/** [..., n] or [k, n]. */
const SHAPE = /(\[[\w\s.,…:+*-]*\])(?!\()/;

function escaped(text) {
  return text
    .split(SHAPE)
    .map((part) => (SHAPE.test(part) ? code(part.replace(/\s+/g, " ")) : withoutMarkup(part)))
    .join("");
}

function withoutMarkup(text) {
  return text
    .replace(/([<[\]_])/g, "\\$1")
    .replace(/(\S)\*|\*(?=\S)/g, (match) => match.replace("*", "\\*"))
    .replace(/\b(arXiv)\s+(\d{4}\.\d{4,5})/g, "[$1 $2](https://arxiv.org/abs/$2)");
}

/** The same on one line, for a cell of a table. */
export function cell(text) {
  return prose(text)
    .replace(/\s*\n\s*/g, " ")
    .replace(/\|/g, "\\|");
}

export function code(text) {
  return `\`${text}\``;
}

export function block(language, text) {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

/** @param head titles of the columns
 * @param lines cells, which are Markdown already */
export function table(head, lines) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...lines.map(line)].join("\n");
}

/** Pieces one under the other; those left out are undefined. */
export function stack(...pieces) {
  return pieces
    .flat()
    .filter((piece) => typeof piece === "string" && piece !== "")
    .join("\n\n");
}

/** The first sentence of a comment. */
export function firstSentence(text) {
  const [paragraph] = text.split(/\n\s*\n/);
  const [sentence] = /^[\s\S]*?[.:](?=\s|$)/.exec(paragraph) ?? [paragraph];
  return sentence.replace(/\s*\n\s*/g, " ").replace(/:$/, ".");
}

/** The address of a heading, as GitHub makes it. */
export function anchor(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replace(/ /g, "-");
}
