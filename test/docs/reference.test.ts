import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..", "..");
const FOLDER = join(ROOT, "docs", "reference");

/** Runs a module with the project's Node. */
function node(...args: readonly string[]): { status: number | null; printed: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    encoding: "utf8",
  });
  return { status, printed: stdout + stderr };
}

test("the pages are those that the comments make, and all that is exported is documented", () => {
  const { status, printed } = node("tools/reference/build.mjs", "--check");
  expect(printed).toBe("docs/reference is up to date\n");
  expect(status).toBe(0);
});

describe("what is not documented is listed", () => {
  const comment = { parameters: "new Map()", throws: "[]" };
  const operator = (said: Readonly<Record<string, string>>, angle = "") => {
    const fields = Object.entries({ ...comment, ...said }).map(
      ([key, value]) => `${key}: ${value}`,
    );
    return `{ name: "twist", kind: "function", file: "", comment: { ${fields.join(", ")} }, signatures: [
      { text: "", returns: "Value", parameters: [
        { name: "x", type: "Operand" },
        { name: "options", type: "O", options: { name: "O", members: [
          { name: "angle", type: "number", comment: { ${angle} } } ] } } ] } ] }`;
  };
  const missing = (entity: string) => {
    const script = `
      import { missingDefaults, missingDocs } from "./tools/reference/missing.mjs";
      const twist = ${entity};
      const soft = { name: "soft", kind: "namespace", members: [twist] };
      const found = [...missingDocs([soft]), ...missingDefaults(twist, { angle: 0.5 })];
      process.stdout.write(JSON.stringify(found));`;
    const { printed } = node("--input-type=module", "-e", script);
    return JSON.parse(printed) as string[];
  };

  test("nothing said", () => {
    expect(missing(operator({}))).toEqual([
      "soft.twist has no doc comment",
      "soft.twist: the comment of angle does not say its default",
    ]);
  });

  test("a summary alone", () => {
    expect(missing(operator({ description: '"Twists x."' }))).toEqual([
      "soft.twist lacks a paragraph Formula:",
      "soft.twist lacks an example in a ```ts block",
      "soft.twist lacks @returns with the shape",
      "soft.twist lacks Cost: and the big O",
      "soft.twist lacks @throws",
      "soft.twist lacks @param x",
      "soft.twist does not say what the option angle is",
      "soft.twist: the comment of angle does not say its default",
    ]);
  });

  test("a default that is another, and a parameter that is none", () => {
    const said = {
      description: '"Twists x."',
      formula: '"x"',
      example: '"soft.twist(x)"',
      returns: '"[...]"',
      cost: '"O(1)"',
      throws: '["GraphError"]',
      parameters: 'new Map([["x", "[...]"], ["y", "[...]"]])',
    };
    expect(missing(operator(said, 'description: "Default 0.1."'))).toEqual([
      "soft.twist has @param y, which is no parameter",
      "soft.twist: the comment of angle does not say its default",
    ]);
  });

  test("what else is exported", () => {
    const script = `
      import { missingDocs } from "./tools/reference/missing.mjs";
      const bare = (kind, name, more) => ({ kind, name, comment: { parameters: new Map() }, ...more });
      const found = missingDocs([
        bare("function", "turn", { signatures: [] }),
        bare("interface", "Turn", { members: [] }),
        bare("namespace", "turns", { members: [bare("constant", "LEFT")] }),
        bare("constant", "turnDefaults"),
      ]);
      process.stdout.write(JSON.stringify(found));`;
    expect(JSON.parse(node("--input-type=module", "-e", script).printed)).toEqual([
      "turn has no doc comment",
      "Turn has no doc comment",
      "turns.LEFT has no doc comment",
    ]);
  });
});

describe("the pages", () => {
  const files = readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).map((name) =>
    join(FOLDER, name),
  );
  const pages = files.filter((file) => file.endsWith(".md"));
  const text = (file: string) => readFileSync(file, "utf8");

  /** The addresses of a page's headings, as GitHub makes them. */
  const anchorsOf = (file: string) =>
    [...text(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replace(/ /g, "-"),
    );

  test("lead nowhere that is not there", () => {
    const broken = pages.flatMap((page) =>
      [...text(page).matchAll(/\]\((?!https:)([^)]+)\)/g)].flatMap(([, target = ""]) => {
        const [path = "", heading] = target.split("#");
        const file = path === "" ? page : resolve(dirname(page), path);
        const found =
          existsSync(file) && (heading === undefined || anchorsOf(file).includes(heading));
        return found ? [] : [`${relative(FOLDER, page)}: ${target}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  test("show pictures that are small, and made of lines and text alone", () => {
    const pictures = files.filter((file) => file.endsWith(".svg"));
    expect(pictures.length).toBeGreaterThan(40);
    for (const picture of pictures) {
      expect(statSync(picture).size).toBeLessThan(30_000);
      expect(text(picture)).toMatch(/^<svg [^>]*>/);
      expect(text(picture)).not.toMatch(/<script|<image|href=|NaN|undefined/);
    }
  });
});
