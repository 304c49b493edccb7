import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { parseSync } from "@swc/core";

const SRC = resolve(import.meta.dirname, "../src");

/**
 * Which parts of src/ each part may import, besides version.ts. A part is a folder of src/, or a
 * file at its top.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  builder: ["builder"],
  ops: ["builder", "ops"],
  grad: ["builder", "grad"],
  train: ["builder", "ops", "grad", "train"],
  runtime: ["builder", "runtime"],
  trainer: ["builder", "train", "runtime", "trainer"],
  cli: ["builder", "ops", "grad", "train", "runtime", "trainer", "index.ts", "node.ts", "cli"],
  "index.ts": ["builder", "ops", "grad", "train"],
  "core.ts": ["builder", "ops", "grad", "train"],
  "node.ts": ["builder", "ops", "grad", "train", "index.ts", "runtime", "trainer"],
  "web.ts": ["builder", "ops", "grad", "train", "index.ts", "runtime", "trainer"],
  "version.ts": [],
};

/** The only parts that may know of Node or of an ONNX Runtime. */
const HOSTED = new Set(["runtime", "node.ts", "web.ts", "cli"]);

const PROTOBUF = /^(onnx-buf|@bufbuild\/protobuf)(\/|$)/;
const READER_AND_WRITER = ["builder/read.ts", "builder/read-function.ts", "builder/write.ts"];

interface Import {
  readonly specifier: string;
  /** Erased by the compiler: it ties types together, but loads nothing. */
  readonly typeOnly: boolean;
}

interface SourceFile {
  /** Relative to src/, with forward slashes. */
  readonly path: string;
  readonly part: string;
  readonly imports: readonly Import[];
}

describe("the import arrows", () => {
  const files = sourceFiles();

  test("every file belongs to a part that has arrows", () => {
    const unknown = files.filter(({ part }) => !(part in ARROWS)).map(({ path }) => path);
    expect(unknown).toEqual([]);
  });

  test("a part imports only what its arrows allow, types included", () => {
    const wrong = relativeImports(files).filter(
      ({ file, target }) =>
        target !== "version.ts" && !(ARROWS[file.part] ?? []).includes(partOf(target)),
    );
    expect(wrong.map(describeImport)).toEqual([]);
  });

  test("only runtime/, cli/ and the entries for Node and the web know a host", () => {
    const wrong = packageImports(files).filter(
      ({ file, specifier }) => !HOSTED.has(file.part) && !PROTOBUF.test(specifier),
    );
    expect(wrong.map(describeImport)).toEqual([]);
  });

  test("protobuf is for the builder alone, and loaded behind its reader and writer", () => {
    const outside = packageImports(files).filter(
      ({ file, specifier }) => PROTOBUF.test(specifier) && file.part !== "builder",
    );
    expect(outside.map(describeImport)).toEqual([]);

    const behind = new Set(
      packageImports(files)
        .filter(({ specifier, typeOnly }) => PROTOBUF.test(specifier) && !typeOnly)
        .map(({ file }) => file.path),
    );
    const doors = new Set([...behind, ...READER_AND_WRITER]);
    const wrong = relativeImports(files).filter(
      ({ file, target, typeOnly }) =>
        !typeOnly &&
        behind.has(target) &&
        !READER_AND_WRITER.includes(target) &&
        !doors.has(file.path),
    );
    expect(wrong.map(describeImport)).toEqual([]);
  });

  test("no module needs itself to load", () => {
    expect(cycles(files)).toEqual([]);
  });
});

function sourceFiles(): SourceFile[] {
  if (!existsSync(SRC)) {
    return [];
  }
  return readdirSync(SRC, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => path.split(sep).join("/"))
    .sort()
    .map((path) => ({ path, part: partOf(path), imports: importsOf(join(SRC, path)) }));
}

function partOf(path: string): string {
  return path.split("/")[0] ?? path;
}

function importsOf(path: string): Import[] {
  const module = parseSync(readFileSync(path, "utf8"), { syntax: "typescript", target: "es2022" });
  const found: Import[] = [];
  collectImports(module, found);
  return found;
}

/** Walks the whole tree: imports also hide in expressions, `import(...)`, and types. */
function collectImports(node: unknown, found: Import[]): void {
  if (Array.isArray(node)) {
    for (const child of node) {
      collectImports(child, found);
    }
    return;
  }
  if (!isRecord(node)) {
    return;
  }
  const specifier = importedBy(node);
  if (specifier !== undefined) {
    found.push({ specifier, typeOnly: isTypeOnly(node) });
  }
  for (const child of Object.values(node)) {
    collectImports(child, found);
  }
}

function importedBy(node: Record<string, unknown>): string | undefined {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
      return stringIn(node.source);
    case "TsImportType":
      return stringIn(node.argument);
    case "CallExpression": {
      const callee = node.callee;
      const loads =
        isRecord(callee) &&
        (callee.type === "Import" ||
          (callee.type === "Identifier" && /require$/i.test(String(callee.value))));
      const args = node.arguments;
      const first: unknown = Array.isArray(args) ? args[0] : undefined;
      return loads && isRecord(first) ? stringIn(first.expression) : undefined;
    }
    default:
      return undefined;
  }
}

function isTypeOnly(node: Record<string, unknown>): boolean {
  return node.type === "TsImportType" || node.typeOnly === true;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function stringIn(node: unknown): string | undefined {
  return isRecord(node) && typeof node.value === "string" ? node.value : undefined;
}

function relativeImports(files: readonly SourceFile[]) {
  return files.flatMap((file) =>
    file.imports
      .filter(({ specifier }) => specifier.startsWith("."))
      .map((each) => ({ file, ...each, target: targetOf(file, each.specifier) })),
  );
}

function packageImports(files: readonly SourceFile[]) {
  return files.flatMap((file) =>
    file.imports
      .filter(({ specifier }) => !specifier.startsWith("."))
      .map((each) => ({ file, ...each })),
  );
}

function targetOf(file: SourceFile, specifier: string): string {
  return relative(SRC, resolve(SRC, dirname(file.path), specifier))
    .split(sep)
    .join("/");
}

function describeImport({ file, specifier }: { file: SourceFile; specifier: string }): string {
  return `${file.path} imports ${specifier}`;
}

/** One line for each cycle among imports that survive compilation. */
function cycles(files: readonly SourceFile[]): string[] {
  const edges = new Map<string, string[]>();
  for (const { file, target, typeOnly } of relativeImports(files)) {
    if (!typeOnly) {
      edges.set(file.path, [...(edges.get(file.path) ?? []), target]);
    }
  }
  const found: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      found.push([...trail.slice(start), path].join(" -> "));
      return;
    }
    if (finished.has(path)) {
      return;
    }
    for (const next of edges.get(path) ?? []) {
      visit(next, [...trail, path]);
    }
    finished.add(path);
  };
  for (const { path } of files) {
    visit(path, []);
  }
  return found;
}
