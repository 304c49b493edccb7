import { casesInFolder, type NodeCase } from "./case.ts";
import { checkCase, type Outcome } from "./check.ts";

/** Checks the cases below a folder whose names contain a text, and prints what became of each.
 * @returns whether none failed */
export async function printTable(folder: string, filter = ""): Promise<boolean> {
  const all = casesInFolder(folder);
  const byName = new Map<string, NodeCase>(all.map((each) => [each.name, each]));
  const cases = all.filter(({ name }) => name.includes(filter));
  const outcomes: Outcome[] = [];
  for (const each of cases) {
    const outcome = await checkCase(each, { places: 24, find: (name) => byName.get(name) });
    outcomes.push(outcome);
    const { name, status, why, gradient } = outcome;
    console.log([status.padEnd(12), name, why, gradient].filter((part) => part !== "").join("  "));
  }
  console.log(`\n${outcomes.length} cases`);
  for (const status of ["passed", "failed", "not runnable", "unsupported"] as const) {
    console.log(`  ${status}: ${outcomes.filter((each) => each.status === status).length}`);
  }
  const compared = outcomes.filter(({ gradient }) => / compared/.test(gradient));
  console.log(`  of the passed with gradients compared: ${compared.length}`);
  const without = outcomes.filter(({ gradient }) => gradient.startsWith("no rule"));
  console.log(`  of the passed without a rule for the gradient: ${without.length}`);
  const unsupported = outcomes.flatMap(({ status, why }) =>
    status === "unsupported" ? why.split(", ") : [],
  );
  const names = [...new Set(unsupported)].sort();
  if (names.length > 0) console.log(`\noperators not supported: ${names.join(", ")}`);
  return outcomes.every(({ status }) => status !== "failed");
}
