import { relative, resolve } from "node:path";
// TypeScript 7's interface to its checker. It may change between minor versions, so that nothing else here
// knows it: what comes out of this file is plain data.
import { API, SignatureKind, SymbolFlags } from "typescript/unstable/sync";
import { parseComment } from "./comments.mjs";
import { ROOT } from "./paths.mjs";

/** What a module exports.
 *
 * @param paths of modules, from the project's root
 * @returns for each path the exports in the order of their declarations, as plain objects with name, kind
 * ("function", "constant", "class", "interface", "type" or "namespace"), file and comment; functions and
 * constants with signatures, classes, interfaces and namespaces with members */
export function readDeclarations(paths) {
  const config = resolve(ROOT, "tsconfig.json");
  const api = new API({ cwd: ROOT });
  try {
    const project = api.updateSnapshot({ openProject: config }).getProject(config);
    const reader = declarationReader(project);
    return Object.fromEntries(
      paths.map((path) => {
        const file = project.program.getSourceFile(resolve(ROOT, path));
        if (file === undefined) throw new Error(`${path} is not part of ${config}`);
        return [path, reader.exportsOf(project.checker.getSymbolAtLocation(file))];
      }),
    );
  } finally {
    api.close();
  }
}

function declarationReader({ checker, emitter }) {
  const resolved = (symbol) =>
    symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

  const commentOf = (symbol) =>
    parseComment(symbol.getDocumentationComment(checker), symbol.getJsDocTags(checker));

  const exportsOf = (module) =>
    checker.getExportsOfModule(module).map((symbol) => entityOf(resolved(symbol), symbol.name));

  function entityOf(symbol, name) {
    const { flags } = symbol;
    const shared = { name, file: fileOf(symbol), comment: commentOf(symbol) };
    if (flags & SymbolFlags.Class) return { ...shared, kind: "class", members: membersOf(symbol) };
    if (flags & SymbolFlags.ValueModule) {
      return { ...shared, kind: "namespace", members: exportsOf(symbol) };
    }
    if (flags & SymbolFlags.Interface) {
      return { ...shared, kind: "interface", members: propertiesOf(declaredType(symbol)) };
    }
    if (flags & SymbolFlags.TypeAlias) return { ...shared, kind: "type", text: aliasText(symbol) };
    const type = checker.getTypeOfSymbol(symbol);
    const signatures = signaturesOf(type);
    const kind = signatures.length > 0 ? "function" : "constant";
    return { ...shared, kind, signatures, type: checker.typeToString(type) };
  }

  const declaredType = (symbol) => checker.getDeclaredTypeOfSymbol(symbol);

  const signaturesOf = (type) =>
    checker.getSignaturesOfType(type, SignatureKind.Call).map(signatureOf);

  function signatureOf(signature) {
    return {
      text: printed(signature),
      returns: checker.typeToString(checker.getReturnTypeOfSignature(signature)),
      parameters: signature.getParameters().map((symbol) => {
        const type = checker.getTypeOfSymbol(symbol);
        const options = symbol.name === "options" ? optionsOf(type) : undefined;
        return { name: symbol.name, type: checker.typeToString(type), options };
      }),
    };
  }

  /** As in a declaration: `(x: Operand): Value`. */
  function printed(signature) {
    const kind = signature.declaration.kind;
    const node = checker.signatureToSignatureDeclaration(signature, kind, undefined, NO_TRUNCATION);
    const text = emitter.printNode(node).replace(/\s+/g, " ").replaceAll("[ ]", "[]").trim();
    return text
      .replace(/^function\s*/, "")
      .replace(/^\((.*)\) => /, "($1): ")
      .replace(/\s*(\{\s*\}|;)$/, "");
  }

  /** The name of the interface of options, and its members. */
  function optionsOf(type) {
    const plain = checker.getNonNullableType(type) ?? type;
    return { name: checker.typeToString(plain), members: propertiesOf(plain) };
  }

  function propertiesOf(type) {
    return checker
      .getPropertiesOfType(type)
      .filter(isOurs)
      .map((symbol) => ({
        name: symbol.name,
        optional: (symbol.flags & SymbolFlags.Optional) !== 0,
        type: propertyType(symbol),
        comment: commentOf(symbol),
      }));
  }

  /** By the name of the type where it was written as a name: the checker sees through aliases of unions. */
  function propertyType(symbol) {
    const type = checker.getTypeOfSymbol(symbol);
    const full = checker.typeToString(type).replace(/ \| undefined$/, "");
    const written = writtenType(symbol);
    return /^[A-Z]\w+$/.test(written ?? "") && written !== "Name" ? written : full;
  }

  function writtenType(symbol) {
    const { type } = symbol.valueDeclaration?.resolve() ?? {};
    return type && emitter.printNode(type);
  }

  function membersOf(symbol) {
    const shown = (type, isStatic) =>
      checker
        .getPropertiesOfType(type)
        .filter((member) => member.name !== "prototype" && isOurs(member))
        .map((member) => {
          const memberType = checker.getTypeOfSymbol(member);
          return {
            name: member.name,
            isStatic,
            comment: commentOf(member),
            signatures: signaturesOf(memberType),
            type: checker.typeToString(memberType),
          };
        });
    const statics = shown(checker.getTypeOfSymbol(symbol), true);
    return [...statics, ...shown(declaredType(symbol), false)];
  }

  function aliasText(symbol) {
    const node = symbol.declarations[0]?.resolve();
    const written = node && emitter.printNode(node.type).replace(/\s+/g, " ");
    // Where it is made from another type, what comes of it says more.
    if (!/typeof|Exclude/.test(written)) return written;
    return checker.typeToString(declaredType(symbol), undefined, NO_TRUNCATION | IN_TYPE_ALIAS);
  }

  return { exportsOf };
}

/** Not a private field, and not inherited from JavaScript's own classes. */
function isOurs(symbol) {
  return !symbol.name.startsWith("__") && fileOf(symbol)?.startsWith("src/") === true;
}

/** NodeBuilderFlags.NoTruncation. */
const NO_TRUNCATION = 1;
/** NodeBuilderFlags.InTypeAlias: does not answer with the alias itself. */
const IN_TYPE_ALIAS = 1 << 23;

function fileOf(symbol) {
  const path = symbol.declarations[0]?.path;
  return path && relative(ROOT, path);
}
