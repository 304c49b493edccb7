import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CsvOptions, readCsv } from "../../src/node.ts";

const folder = mkdtempSync(join(tmpdir(), "softonnx-csv-"));
const path = join(folder, "cars.csv");
afterAll(() => rmSync(folder, { recursive: true }));

function read<Name extends string>(text: string, options: CsvOptions<Name>) {
  writeFileSync(path, text);
  return readCsv(path, options);
}

async function refusal(text: string, columns: CsvOptions["columns"], more = {}): Promise<string> {
  const error = await read(text, { columns, ...more }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Error);
  return (error as Error).message.replaceAll(path, "cars.csv");
}

const CARS = `name,weight,power,mpg,origin
"ford, ""pinto""",2123,80,25.5,USA
fiat 128,1867,49,29,Europe

datsun pl510,2130,88,27,Japan
`;

describe("a table of comma-separated values", () => {
  test("becomes tensors, of one column or several", async () => {
    const { X, mpg, origin, name, power, heavy } = await read(CARS, {
      columns: {
        X: ["power", "weight"],
        mpg: { from: "mpg", dtype: "float64" },
        origin: { from: "origin", categories: ["USA", "Europe", "Japan"] },
        name: { from: "name", dtype: "string" },
        power: { from: ["power"], dtype: "int32" },
        heavy: { from: "weight", dtype: "int64" },
      },
    });
    expect(X).toMatchObject({ type: "float32", dims: [3, 2] });
    expect(X.data).toEqual(Float32Array.of(80, 2123, 49, 1867, 88, 2130));
    expect(mpg).toMatchObject({ type: "float64", dims: [3], data: Float64Array.of(25.5, 29, 27) });
    expect(origin.data).toEqual(BigInt64Array.of(0n, 1n, 2n));
    expect(name.data).toEqual(['ford, "pinto"', "fiat 128", "datsun pl510"]);
    expect(power).toMatchObject({ dims: [3, 1], data: Int32Array.of(80, 49, 88) });
    expect(heavy.data).toEqual(BigInt64Array.of(2123n, 1867n, 2130n));
  });

  test("may have a byte-order mark, other line ends, another delimiter and spaces", async () => {
    const { x, yes } = await read("\uFEFFx ; yes\r\n 1e-3 ; true\r\n-.5;0\r\n", {
      columns: { x: "x", yes: { from: "yes", dtype: "bool" } },
      delimiter: ";",
    });
    expect(x.data).toEqual(Float32Array.of(1e-3, -0.5));
    expect(yes).toMatchObject({ type: "bool", data: Uint8Array.of(1, 0) });
  });

  test("gives up rows with empty cells only where that is asked for", async () => {
    const text = "x,y,other\n1,2,\n3,,4\n5,6,7\n";
    expect(await refusal(text, { x: "x", y: "y" })).toBe(
      'readCsv: cars.csv: line 3: "y" is empty, expected a number',
    );
    const { x, y } = await read(text, { columns: { x: "x", y: "y" }, missing: "skip" });
    expect([x.data, y.data]).toEqual([Float32Array.of(1, 5), Float32Array.of(2, 6)]);
  });

  test("is refused for a column that is not there", async () => {
    expect(await refusal(CARS, { x: "wieght" })).toBe(
      'readCsv: cars.csv: there is no column "wieght"; did you mean "weight"?',
    );
    expect(await refusal(CARS, { x: ["mpg", "acceleration"] })).toBe(
      'readCsv: cars.csv: there is no column "acceleration"; there are name, weight, power, mpg, origin',
    );
    expect(await refusal("a,a\n1,2\n", { x: "a" })).toBe(
      'readCsv: cars.csv: there are two columns "a"',
    );
  });

  test("is refused for a cell that is not what it should be, with its line", async () => {
    const cell = (text: string, dtype: string) =>
      refusal(`x,y\n1,"two\nlines"\n${text},1\n`, { x: { from: "x", dtype: dtype as never } });
    for (const text of ["n/a", "1,5", "0x10", "Infinity", "1e999", "--1", "1 2", "NaN"]) {
      expect(await cell(JSON.stringify(text), "float32")).toBe(
        `readCsv: cars.csv: line 4: "x" is ${JSON.stringify(text)}, expected a number`,
      );
    }
    for (const [text, dtype] of [
      ["1.5", "int32"],
      ["256", "uint8"],
      ["-1", "uint64"],
      ["9223372036854775808", "int64"],
    ] as const) {
      expect(await cell(text, dtype)).toContain(`expected a whole number that fits ${dtype}`);
    }
    expect(await cell("yes", "bool")).toContain('"x" is "yes", expected true or false, 1 or 0');
    expect(await refusal("x\nUSSR\n", { x: { from: "x", categories: ["USA", "Japan"] } })).toBe(
      'readCsv: cars.csv: line 2: "x" is "USSR", expected one of USA, Japan',
    );
  });

  test("is refused where it is no table", async () => {
    expect(await refusal("", { x: "x" })).toBe("readCsv: cars.csv: the file is empty");
    expect(await refusal("x,y\n", { x: "x" })).toBe("readCsv: cars.csv: there are no rows");
    expect(await refusal("x,y\n1,2\n3\n", { x: "x" })).toMatch(
      /^readCsv: cars\.csv: Invalid Record Length: .*line 3/,
    );
    expect(await refusal('x,y\n"1,2\n', { x: "x" })).toMatch(
      /^readCsv: cars\.csv: Quote Not Closed/,
    );
    await expect(readCsv(join(folder, "none.csv"), { columns: { x: "x" } })).rejects.toThrow(
      /ENOENT/,
    );
  });

  test("is asked for in a way that makes sense", async () => {
    expect(await refusal(CARS, {})).toContain("readCsv: columns: expected the columns of each");
    expect(await refusal(CARS, { x: 3 as never })).toContain("readCsv: columns.x: expected");
    expect(await refusal(CARS, { x: { from: "mpg", dtype: "complex64" } })).toBe(
      "readCsv: columns.x.dtype: expected float32, float64, an integer type, bool or string, got " +
        '"complex64"',
    );
    expect(await refusal(CARS, { x: "mpg" }, { seperator: ";" })).toContain("unknown option");
    expect(await refusal(CARS, { x: "mpg" }, { missing: "drop" })).toContain('"error" or "skip"');
  });
});
