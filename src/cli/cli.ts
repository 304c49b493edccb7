import { nearest } from "../builder/errors.ts";
import { VERSION } from "../version.ts";
import { type Command, helpOf, parse, type Terminal, UsageError } from "./command.ts";
import { exportCommand } from "./commands/export.ts";
import { gradCommand } from "./commands/grad.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { plotCommand } from "./commands/plot.ts";
import { runCommand } from "./commands/run.ts";
import { trainCommand } from "./commands/train.ts";

const COMMANDS: readonly Command[] = [
  inspectCommand,
  gradCommand,
  trainCommand,
  exportCommand,
  runCommand,
  plotCommand,
];

/** Exit statuses. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** Runs one command line.
 *
 * @param words what follows `softonnx`
 * @returns the exit status: 0 if it was done, 1 if it failed, 2 if the command line was wrong */
export async function runCli(words: readonly string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = words;
  if (first === undefined) {
    terminal.note(overview());
    return EXIT.usage;
  }
  if (first === "help" || first === "--help" || first === "-h") return help(rest, terminal);
  if (first === "--version" || first === "-v") {
    terminal.print(VERSION);
    return EXIT.done;
  }
  const command = COMMANDS.find(({ name }) => name === first);
  if (command === undefined) {
    terminal.note(`softonnx: ${unknownCommand(first)}`);
    return EXIT.usage;
  }
  try {
    const given = parse(command, rest);
    if (given === undefined) terminal.print(helpOf(command));
    else await command.run(given, terminal);
    return EXIT.done;
  } catch (error) {
    terminal.note(`softonnx ${command.name}: ${explain(error)}`);
    return error instanceof UsageError ? EXIT.usage : EXIT.failed;
  }
}

function help([name]: readonly string[], terminal: Terminal): number {
  const command = COMMANDS.find((each) => each.name === name);
  if (name !== undefined && command === undefined) {
    terminal.note(`softonnx: ${unknownCommand(name)}`);
    return EXIT.usage;
  }
  terminal.print(command === undefined ? overview() : helpOf(command));
  return EXIT.done;
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  return [
    "softonnx COMMAND [...]: gradients, training and pictures of ONNX models",
    "",
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "softonnx help COMMAND says more of one; softonnx --version prints the version.",
  ].join("\n");
}

function unknownCommand(word: string): string {
  const names = COMMANDS.map(({ name }) => name);
  const near = nearest(word, names);
  const advice = near === undefined ? `there are ${names.join(", ")}` : `did you mean ${near}?`;
  return `unknown command "${word}"; ${advice}`;
}

/** What went wrong, for someone who did not write this program: no stack. */
function explain(error: unknown): string {
  const { code, path, message } = Object(error) as NodeJS.ErrnoException;
  if (code === "ENOENT") return `there is no ${path}`;
  if (code === "EISDIR") return `${path ?? "the path"} is a folder, not a file`;
  if (code === "EACCES") return `no permission for ${path}`;
  if (code === "ENOSPC") return "the disk is full";
  return message ?? String(error);
}
