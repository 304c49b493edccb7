import { type Build, type CheckOptions, checkGradient } from "./check.ts";

/** One operator application and the shapes to try it on. */
export type Row = readonly [
  name: string,
  build: Build,
  shapes: readonly (readonly number[])[],
  options?: CheckOptions | undefined,
];

/** A test for each row: first and second derivatives against differences. */
export function testRows(rows: readonly Row[], common: CheckOptions = {}): void {
  for (const [name, build, shapes, options] of rows) {
    const title = `${name} of ${shapes.map((dims) => `[${dims}]`).join(" ")}`;
    test(title, () => checkGradient(build, shapes, { ...common, ...options }));
  }
}
