// Builds the native kernels when the package is installed: `node native/install.cjs`.
//
// An install never fails because of it: it prints one line that says what happened and exits 0,
// and without the kernels the portable bodies run. SOFTONNX_NATIVE=skip does nothing;
// SOFTONNX_NATIVE=require makes a failure an error, for those who would rather know.

const { spawnSync } = require("node:child_process");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const root = __dirname;
const build = path.join(root, "build");
const log = path.join(build, "install.log");
const stampFile = path.join(build, "stamp");
const products = ["softonnx.node"].map((name) => path.join(build, "Release", name));
const portable = "the portable bodies will run";

/** What node-gyp spends on downloading headers and compiling before it is given up, in ms. */
const patience = 10 * 60 * 1000;

function main() {
  const wish = process.env.SOFTONNX_NATIVE ?? "";
  if (wish === "skip") return say("native kernels skipped (SOFTONNX_NATIVE=skip)");
  const failure = install();
  if (failure === undefined) return;
  // What an earlier install built from other sources must not be loaded with these.
  for (const file of products) fs.rmSync(file, { force: true });
  if (wish === "require") process.exitCode = 1;
  say(`${failure} (${wish === "require" ? "SOFTONNX_NATIVE=require" : portable})`);
}

/** What went wrong, or undefined. */
function install() {
  const stamp = fingerprint();
  if (isBuilt(stamp)) return void say("native kernels are up to date");
  const missing = missingTool();
  if (missing !== undefined) return missing;
  const nodeGyp = findNodeGyp();
  if (nodeGyp === undefined) return "node-gyp, which comes with npm, was not found";

  fs.mkdirSync(build, { recursive: true });
  fs.rmSync(stampFile, { force: true });
  const output = fs.openSync(log, "w");
  const result = spawnSync(
    process.execPath,
    [nodeGyp, "configure", "build", "--jobs=max", ...headerArguments()],
    { cwd: root, stdio: ["ignore", output, output], timeout: patience, windowsHide: true },
  );
  fs.closeSync(output);
  const built = result.status === 0 && products.every((file) => fs.existsSync(file));
  if (!built) return `building the native kernels failed, see ${log}`;
  fs.writeFileSync(stampFile, stamp);
  say("native kernels built");
}

function say(line) {
  console.log(`softonnx: ${line}`);
}

/** Changes when a rebuild is due: with the sources, the Node that is built for, the machine. */
function fingerprint() {
  const hash = createHash("sha256");
  hash.update([process.versions.node, process.platform, process.arch].join(" "));
  const add = (directory) => {
    const entries = fs.readdirSync(directory, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const file = path.join(directory, entry.name);
      if (file === build) continue;
      if (entry.isDirectory()) add(file);
      else hash.update(`\0${path.relative(root, file)}\0`).update(fs.readFileSync(file));
    }
  };
  add(root);
  return hash.digest("hex");
}

function isBuilt(stamp) {
  return (
    fs.existsSync(stampFile) &&
    fs.readFileSync(stampFile, "utf8") === stamp &&
    products.every((file) => fs.existsSync(file))
  );
}

/** node-gyp says this too, in two hundred lines. On Windows finding Visual Studio is its craft. */
function missingTool() {
  if (process.platform === "win32") return undefined;
  const runs = (command) => spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
  const compilers = [process.env.CXX?.split(" ").at(-1), "c++", "g++", "clang++"];
  if (!compilers.filter(Boolean).some(runs)) return "no C++ compiler found";
  if (!["make", "gmake"].some(runs)) return "no make found";
  return undefined;
}

function findNodeGyp() {
  const inNpm = path.join("node_modules", "node-gyp", "bin", "node-gyp.js");
  const prefix = path.dirname(process.execPath);
  return [
    process.env.npm_config_node_gyp,
    ...npmHomes(prefix).map((home) => path.join(home, inNpm)),
    path.join(prefix, "..", "share", "nodejs", "node-gyp", "bin", "node-gyp.js"),
  ].find((file) => file !== undefined && fs.existsSync(file));
}

/** Where npm may live: what runs us, what stands beside node, and what the PATH finds. */
function npmHomes(prefix) {
  const homes = [
    path.join(prefix, "..", "lib", "node_modules", "npm"),
    path.join(prefix, "node_modules", "npm"),
  ];
  const scripts = [process.env.npm_execpath];
  for (const directory of (process.env.PATH ?? "").split(path.delimiter)) {
    scripts.push(path.join(directory, "npm"));
  }
  for (const script of scripts) {
    if (script === undefined || !fs.existsSync(script)) continue;
    homes.push(path.join(path.dirname(fs.realpathSync(script)), ".."));
  }
  return homes;
}

/** Headers that came with this very Node need no download. */
function headerArguments() {
  if (process.env.npm_config_nodedir !== undefined) return [];
  const prefix = path.join(path.dirname(fs.realpathSync(process.execPath)), "..");
  const header = path.join(prefix, "include", "node", "node_version.h");
  if (!fs.existsSync(header)) return [];
  const text = fs.readFileSync(header, "utf8");
  const version = ["MAJOR", "MINOR", "PATCH"]
    .map((part) => new RegExp(`#define NODE_${part}_VERSION (\\d+)`).exec(text)?.[1])
    .join(".");
  return version === process.versions.node ? [`--nodedir=${prefix}`] : [];
}

try {
  main();
} catch (error) {
  say(`native kernels not built: ${error.message} (${portable})`);
  if (process.env.SOFTONNX_NATIVE === "require") process.exitCode = 1;
}
