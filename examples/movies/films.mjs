import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const KINDS = ["MPAA Rating", "Major Genre", "Source", "Creative Type", "Distributor"];

/** How many texts of a column get a feature of their own. */
const COMMON = 12;

/** The films of vega-datasets of which budget and takings are known, in three parts that are the same every
 * time: to train on, to stop by, and held out. Each has the features of its films, which are known before
 * they open, and their worldwide takings in dollars. */
export function readFilms() {
  // The package keeps its data out of its exports; its entry point lies beside them.
  const entry = createRequire(import.meta.url).resolve("vega-datasets");
  const path = new URL("../data/movies.json", pathToFileURL(entry));
  const films = JSON.parse(readFileSync(path, "utf8")).filter(
    (film) => film["Worldwide Gross"] > 0 && film["Production Budget"] > 0,
  );
  shuffle(films, 7);
  const columns = KINDS.map((kind) => ({ kind, texts: commonest(films, kind) }));
  const part = (from, to) => {
    const rows = films.slice(Math.round(from * films.length), Math.round(to * films.length));
    return {
      features: rows.map((film) => featuresOf(film, columns)),
      takings: rows.map((film) => film["Worldwide Gross"]),
    };
  };
  return { training: part(0, 0.6), validation: part(0.6, 0.75), heldOut: part(0.75, 1) };
}

function featuresOf(film, columns) {
  const date = new Date(film["Release Date"]);
  const minutes = film["Running Time min"];
  const season = (2 * Math.PI * date.getMonth()) / 12;
  return [
    (Math.log(film["Production Budget"]) - 17) / 1.5,
    (date.getFullYear() - 2000) / 10,
    minutes === null ? 0 : (minutes - 110) / 20,
    minutes === null ? 0 : 1,
    Math.sin(season),
    Math.cos(season),
    ...columns.flatMap(({ kind, texts }) => texts.map((text) => (film[kind] === text ? 1 : 0))),
  ];
}

function commonest(films, kind) {
  const counts = new Map();
  for (const { [kind]: text } of films) {
    if (text !== null) counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, COMMON)
    .map(([text]) => text);
}

/** Fisher and Yates's shuffle by the minimal standard generator of Park and Miller (1988). */
function shuffle(list, seed) {
  let state = seed;
  for (let i = list.length - 1; i > 0; i--) {
    state = (state * 48271) % 2147483647;
    const j = Math.floor((state / 2147483647) * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
}
