/** Modes and methods with the colors that they have in all pictures. */

export const MODES = ["hard", "smooth", "c0", "c1", "c2"];
export const SOFT = MODES.slice(1);
export const SIGMOIDAL = [...MODES, "_c1_pnorm", "_c2_pnorm"];

export const METHODS = [
  "softsort",
  "neuralsort",
  "ot",
  "fastSoftSort",
  "smoothSort",
  "sortingNetwork",
];

const MODE_COLORS = ["#8a97a3", "#1b6ca8", "#e08e0b", "#d1495b", "#4f8a4c", "#8e5ea2", "#2a9d8f"];

export function modeNames(modes) {
  return modes.map((name) => ({
    name,
    color: MODE_COLORS[SIGMOIDAL.indexOf(name)],
    ...(name === "hard" ? { dash: [4, 3] } : {}),
  }));
}

const ENTRY_COLORS = ["#1b6ca8", "#e08e0b", "#d1495b", "#4f8a4c"];

export function entryNames(entries) {
  return entries.map((name, i) => ({ name, color: ENTRY_COLORS[i] }));
}
