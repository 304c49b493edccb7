// Runs models for the tests in a process of its own: registering the native operators once would change
// how every later session of the process loads. Argument: the backend, "cpu" (stock), "native" or "cuda" (stock,
// on the GPU).
import { InferenceSession, Tensor } from "onnxruntime-node";

const backend = process.argv[2];
if (backend === "native") {
  const { registerNative } = await import("softonnx/node");
  registerNative();
}

async function run({ model, level, threads = 1, feeds }) {
  const session = await InferenceSession.create(model, {
    executionProviders: [backend === "native" ? "softonnx" : backend],
    graphOptimizationLevel: level,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  try {
    const all = [];
    for (const each of feeds) {
      const tensors = Object.entries(each).map(([name, { dtype, dims, data }]) => [
        name,
        new Tensor(dtype, data, dims),
      ]);
      const results = await session.run(Object.fromEntries(tensors));
      all.push(
        Object.fromEntries(
          Object.entries(results).map(([name, { dims, data }]) => [name, { dims, data }]),
        ),
      );
    }
    return all;
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
