#!/usr/bin/env node
// Kernel operators in models that are read.
import "../index.ts";
import { runCli } from "./cli.ts";

// A reader that has seen enough, such as `head`, closes the pipe.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

runCli(process.argv.slice(2), {
  print: (text) => process.stdout.write(`${text}\n`),
  note: (text) => process.stderr.write(`${text}\n`),
}).then((status) => {
  process.exitCode = status;
});
