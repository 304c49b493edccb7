// npm run web: builds the demo site and serves it, with the headers that threads need.
//
//   npm run web -- --port 8080 --out out/web
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildSite } from "./build.mjs";
import { serveFolder } from "./server.mjs";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8000" },
    out: { type: "string", default: fileURLToPath(new URL("../out/web", import.meta.url)) },
  },
});

await buildSite(values.out);
const server = await serveFolder(values.out, Number(values.port));
console.log(`http://localhost:${server.address().port}/`);
