/** Rows as aligned columns; numbers, written as texts that begin with a digit, to the right. */
export function table(rows: readonly (readonly string[])[], indent = "  "): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => (row[i] ?? "").length)),
  );
  return rows.map((row) => {
    const cells = row.map((cell, i) => {
      const width = widths[i] as number;
      return /^\d/.test(cell) ? cell.padStart(width) : cell.padEnd(width);
    });
    return `${indent}${cells.join("  ")}`.trimEnd();
  });
}

/** `1 node`, `2 nodes`. */
export function count(n: number, noun: string): string {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}

/** `4.2 MB`. */
export function size(bytes: number): string {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}
