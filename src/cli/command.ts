import { type ParseArgsConfig, parseArgs } from "node:util";
import { nearest } from "../builder/errors.ts";

/** An option of a command, as its help shows it. */
export interface Option {
  readonly name: string;
  /** One letter, for `-o`. */
  readonly short?: string;
  /** What stands for the value in the help: "FILE". A switch has none. */
  readonly value?: string;
  /** It may be given several times. */
  readonly many?: boolean;
  readonly about: string;
}

/** One thing that `softonnx` does. */
export interface Command {
  readonly name: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** What follows the name: `MODEL [-o FILE]`. */
  readonly usage: string;
  /** More lines for its help: what it prints and writes, with an example. */
  readonly details: string;
  readonly options: readonly Option[];
  /** How many arguments that are no options it takes. */
  readonly operands: readonly [least: number, most: number];
  readonly run: (given: Given, terminal: Terminal) => Promise<void>;
}

/** Where a command prints. */
export interface Terminal {
  /** Results, which can be piped on. */
  readonly print: (text: string) => void;
  /** What happens meanwhile, for people. */
  readonly note: (text: string) => void;
}

/** The command line was wrong, before anything was done. Ends with exit status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What a command was called with. */
export class Given {
  readonly operands: readonly string[];
  readonly #values: ReadonlyMap<string, readonly (string | true)[]>;

  constructor(
    operands: readonly string[],
    values: ReadonlyMap<string, readonly (string | true)[]>,
  ) {
    this.operands = operands;
    this.#values = values;
  }

  /** Whether a switch was given. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value of an option; the last one given. */
  text(name: string): string | undefined {
    return this.texts(name).at(-1);
  }

  /** All values of an option that may be given several times. */
  texts(name: string): readonly string[] {
    return (this.#values.get(name) ?? []).filter((value) => value !== true);
  }

  /** The parts between the commas of an option: `--by w,b` is ["w", "b"]. */
  names(name: string): readonly string[] | undefined {
    if (!this.has(name)) return undefined;
    return this.texts(name)
      .flatMap((text) => text.split(","))
      .filter((part) => part !== "");
  }

  /** @throws UsageError if it is no number of this kind */
  number(name: string, expected: string, accepts: (n: number) => boolean): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!accepts(value)) throw new UsageError(`--${name}: expected ${expected}, got "${text}"`);
    return value;
  }
}

const HELP: Option = { name: "help", short: "h", about: "print this" };

/** @returns undefined if help is asked for
 * @throws UsageError for what the command does not know or lacks */
export function parse(command: Command, words: readonly string[]): Given | undefined {
  const options = [...command.options, HELP];
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(options.map((option) => [option.name, parserOption(option)])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const operands: string[] = [];
  const values = new Map<string, (string | true)[]>();
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName } = token;
    const option = options.find((each) => each.name === name);
    if (option === undefined) throw new UsageError(unknownOption(rawName, options));
    if (option.value === undefined && token.value !== undefined) {
      throw new UsageError(`${rawName} takes no value, got "${token.value}"`);
    }
    if (option.value !== undefined && (token.value ?? "") === "") {
      throw new UsageError(`${rawName} needs a value, ${option.value}`);
    }
    const earlier = values.get(name) ?? [];
    if (earlier.length > 0 && option.value !== undefined && option.many !== true) {
      throw new UsageError(`${rawName} was given twice`);
    }
    values.set(name, [...earlier, token.value ?? true]);
  }
  if (values.has(HELP.name)) return undefined;
  const [least, most] = command.operands;
  if (operands.length < least || operands.length > most) {
    const count = least === most ? `${least}` : `${least} to ${most}`;
    const got = operands.length === 0 ? "none" : operands.map((word) => `"${word}"`).join(", ");
    throw new UsageError(`expected ${command.usage}, that is ${count} without a dash, got ${got}`);
  }
  return new Given(operands, values);
}

function parserOption({ value, short }: Option): NonNullable<ParseArgsConfig["options"]>[string] {
  return { type: value === undefined ? "boolean" : "string", ...(short && { short }) };
}

function unknownOption(rawName: string, options: readonly Option[]): string {
  const word = rawName.replace(/^-+/, "");
  const names = options.map(({ name }) => name);
  const near = word.length === 1 ? undefined : nearest(word, names);
  const advice = near === undefined ? "--help lists what there is" : `did you mean --${near}?`;
  return `unknown option ${rawName}; ${advice}`;
}

/** The help of a command. */
export function helpOf({ name, usage, summary, details, options }: Command): string {
  const rows = [...options, HELP].map(({ name: long, short, value, about }) => {
    const dashes = `${short === undefined ? "    " : `-${short}, `}--${long}`;
    return { left: value === undefined ? dashes : `${dashes} ${value}`, about };
  });
  const width = Math.max(...rows.map(({ left }) => left.length));
  return [
    `softonnx ${name} ${usage}`,
    "",
    `${summary[0]?.toUpperCase()}${summary.slice(1)}.`,
    "",
    details.trim(),
    "",
    "Options:",
    ...rows.map(({ left, about }) => `  ${left.padEnd(width)}  ${about}`),
  ].join("\n");
}
