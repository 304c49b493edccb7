const INTRODUCTION = `# Ready-made models

Soft, differentiable operators as plain ONNX files, for those who only want to run them: float32, any batch
and any length, softness as an input, opset 18, no custom operators. They run wherever ONNX Runtime does.
\`npm run models\` makes them, and this page, from [definitions.mjs](definitions.mjs).

\`\`\`js
import { fileURLToPath } from "node:url";
import { createSession } from "softonnx/node";

const session = await createSession(fileURLToPath(import.meta.resolve("softonnx/models/soft-rank.onnx")));
const { ranks } = await session.run({ x: [[0.3, 2.5, 1.1]], softness: 0.1 });
\`\`\`

In a page, give their address to \`createSession\` of \`softonnx/web\`; in Python, the file to
\`onnxruntime.InferenceSession\`.
`;

/** The page with a card for each model. */
export function cardsOf(models) {
  return [INTRODUCTION, ...models.map(cardOf)].join("\n");
}

function cardOf({ name, title, says, takes, how, graph, bytes }) {
  const row = (role, value, label) =>
    `| ${role} | \`${label}\` | ${value.dtype} | ${shapeOf(value)} |`;
  return `## ${title}

[${name}.onnx](${name}.onnx), ${(bytes.length / 1024).toFixed(0)} KB

${says}

| | name | type | shape |
|---|---|---|---|
${[...graph.inputs].map(([label, value]) => row("input", value, label)).join("\n")}
${[...graph.outputs].map(([label, value]) => row("output", value, label)).join("\n")}

Takes ${takes}. By ${how}.
`;
}

function shapeOf({ shape }) {
  return shape.length === 0 ? "scalar" : `[${shape.map((dim) => dim ?? "?").join(", ")}]`;
}
