import { anchor, code } from "./markdown.mjs";

/** Makes links to the types that have an entry of their own.
 *
 * @param names of those types
 * @param up the path from the page to the folder of the reference
 * @returns for a type as text Markdown in which the first known name leads to its entry */
export function typeLinker(names, up = "") {
  const known = new Set(names);
  return (type) => {
    const plain = code(type.replace(/\|/g, "\\|"));
    const found = type.match(/\b[A-Z]\w*/g)?.find((name) => known.has(name));
    return found === undefined ? plain : `[${plain}](${up}types.md#${anchor(found)})`;
  };
}
