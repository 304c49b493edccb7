// Doc comments taken apart. Beside the tags of TypeScript the project writes, at the start of a sentence:
//
//   Formula: …    a paragraph, or lines up to the next blank one
//   Cost: …       up to a full stop before "Source:" or the end of the paragraph
//   Source: …     or Sources:, up to the end of the paragraph

/** @param text of a comment before its first tag
 * @param tags of TypeScript: name and text
 * @returns description, example, formula, cost, sources, parameters (a Map), returns and throws; undefined
 * where the comment has none */
export function parseComment(text, tags) {
  const said = { parameters: new Map(), throws: [] };
  const rest = [take(said, text)];
  for (const { name, text: tagText = "" } of tags) {
    if (name === "param") {
      const [, parameter = "", about = ""] = /^(\w+)\s*-?\s*([\s\S]*)$/.exec(tagText) ?? [];
      said.parameters.set(parameter, take(said, about));
    } else if (name === "returns") said.returns = take(said, tagText);
    else if (name === "throws") said.throws.push(take(said, tagText));
    else throw new Error(`unknown tag @${name} in a doc comment: ${tagText}`);
  }
  const description = rest.join("\n\n").trim();
  return { ...said, description: description === "" ? undefined : description };
}

/** Moves what has a place of its own from a text to `said`, and gives what is left. */
function take(said, text) {
  const kept = [];
  let inFormula = false;
  for (const paragraph of paragraphsOf(text)) {
    // Blank lines may divide a formula: what goes on is indented.
    if (inFormula && paragraph.startsWith(" ")) {
      keep(said, "formula", `\n${paragraph}`);
      continue;
    }
    inFormula = paragraph.startsWith("Formula:");
    const left = paragraph
      .replace(/^```ts\n([\s\S]*?)\n```$/, (_, code) => keep(said, "example", code))
      .replace(/^Formula:\s*([\s\S]+)$/, (_, formula) => keep(said, "formula", formula))
      .replace(/(?:^|(?<=[.)]\s))Sources?:\s+([\s\S]+)$/, (_, sources) =>
        keep(said, "sources", sources),
      )
      .replace(/(?:^|(?<=[.)]\s))Cost:\s+([\s\S]+)$/, (_, cost) => keep(said, "cost", cost));
    if (left.trim() !== "") kept.push(left.trim());
  }
  return kept.join("\n\n");
}

function keep(said, name, text) {
  const trimmed = text.trimEnd().replace(/^ /gm, "  ");
  said[name] = said[name] === undefined ? trimmed : `${said[name]}\n${trimmed}`;
  return "";
}

/** Paragraphs, with each fenced example as one of its own. */
function paragraphsOf(text) {
  return text
    .split(/^(```\w*\n[\s\S]*?^```)$/m)
    .flatMap((part) => (part.startsWith("```") ? [part] : part.split(/\n\s*\n/)))
    .map((part) => part.replace(/^\n+|\s+$/g, ""))
    .filter((part) => part !== "");
}
