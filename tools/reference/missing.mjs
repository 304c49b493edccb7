import { literal } from "./soft-page.mjs";

// What a reader would miss. Every sentence begins with where to look.

/** @param entities what a module exports
 * @param path for messages
 * @returns sentences, one for each thing that is not documented */
export function missingDocs(entities, path = "") {
  return entities.flatMap((entity) => {
    const name = path + entity.name;
    if (isExempt(entity)) return [];
    if (entity.name === "soft") return missingOfSoft(entity.members);
    // The straight-through forms have the pages of the soft operators.
    if (entity.name === "st") return [];
    if (entity.kind === "namespace") return missingDocs(entity.members, `${name}.`);
    const own = entity.comment.description === undefined ? [`${name} has no doc comment`] : [];
    if (entity.kind === "function") return [...own, ...missingOfOptions(name, entity)];
    return [...own, ...missingOfMembers(name, entity)];
  });
}

/** What makes a page of a soft operator complete. */
function missingOfSoft(entities) {
  return entities
    .filter((entity) => !isExempt(entity))
    .flatMap((entity) => {
      const name = `soft.${entity.name}`;
      const { comment } = entity;
      if (comment.description === undefined) return [`${name} has no doc comment`];
      if (entity.kind !== "function") return missingOfMembers(name, entity);
      const wanted = {
        formula: "a paragraph Formula:",
        example: "an example in a ```ts block",
        returns: "@returns with the shape",
        cost: "Cost: and the big O",
        throws: "@throws",
      };
      return [
        ...Object.entries(wanted)
          .filter(([part]) => comment[part] === undefined || comment[part].length === 0)
          .map(([, what]) => `${name} lacks ${what}`),
        ...missingParameters(name, entity),
        ...missingOfOptions(name, entity),
      ];
    });
}

function missingParameters(name, { comment, signatures }) {
  const given = signatures[0].parameters.map((parameter) => parameter.name);
  return [
    ...given
      .filter((parameter) => parameter !== "options" && !comment.parameters.has(parameter))
      .map((parameter) => `${name} lacks @param ${parameter}`),
    ...[...comment.parameters.keys()]
      .filter((parameter) => !given.includes(parameter))
      .map((parameter) => `${name} has @param ${parameter}, which is no parameter`),
  ];
}

function missingOfOptions(name, { signatures, comment }) {
  if (comment.parameters.has("options")) return [];
  const members = signatures.flatMap(({ parameters }) =>
    parameters.flatMap(({ options }) => options?.members ?? []),
  );
  return members
    .filter((member) => member.comment.description === undefined)
    .map((member) => `${name} does not say what the option ${member.name} is`);
}

/** Every method, and every entry of an interface of options. Other data may speak for itself. */
function missingOfMembers(name, { members = [] }) {
  return members
    .filter(({ comment }) => comment.description === undefined)
    .filter(({ signatures = [] }) => signatures.length > 0 || name.endsWith("Options"))
    .map((member) => `${name}.${member.name} has no doc comment`);
}

/** The frozen defaults are documented by the interface of options that they belong to. */
function isExempt({ name, kind }) {
  return kind === "constant" && name.endsWith("Defaults");
}

/** Options whose comment does not name the value that they have by default.
 *
 * @param defaults the frozen object; undefined where there are no options */
export function missingDefaults({ name, signatures: [signature] }, defaults) {
  const members = signature.parameters.flatMap(({ options }) => options?.members ?? []);
  return members
    .filter((member) => {
      const said = member.comment.description ?? "";
      return !(member.name in (defaults ?? {})) || !said.includes(literal(defaults[member.name]));
    })
    .map((member) => `soft.${name}: the comment of ${member.name} does not say its default`);
}
