// Runs models for the tests in a process of its own: registering the native operators once would change
// how every later session of the process loads. Argument: the backend, "cpu" (stock) or "native".
import { InferenceSession, Tensor } from "onnxruntime-node";

const native = process.argv[2] === "native";
if (native) {
  const { registerNative } = await import("softonnx/node");
  registerNative();
}

async function run({ model, level, feeds }) {
  const session = await InferenceSession.create(model, {
    executionProviders: [native ? "softonnx" : "cpu"],
    graphOptimizationLevel: level,
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  try {
    const tensors = Object.entries(feeds).map(([name, { dtype, dims, data }]) => [
      name,
      new Tensor(dtype, data, dims),
    ]);
    const results = await session.run(Object.fromEntries(tensors));
    return Object.fromEntries(
      Object.entries(results).map(([name, { dims, data }]) => [name, { dims, data }]),
    );
  } finally {
    await session.release();
  }
}

process.on("message", ({ id, job }) => {
  run(job).then(
    (results) => process.send({ id, results }),
    (error) => process.send({ id, error: error instanceof Error ? error.message : String(error) }),
  );
});
