import { resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "..", "..");

/** Where the pages are, from the project's root. */
export const PAGES = "docs/reference";

/** On top of every page. */
export const NOTE = "<!-- Made by `npm run docs` from the comments in src/. -->";
