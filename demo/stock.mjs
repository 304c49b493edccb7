// Runs a model with nothing but onnxruntime-node: weights come in as JSON, predictions go out as JSON.
import { InferenceSession, Tensor } from "onnxruntime-node";

let input = "";
for await (const chunk of process.stdin) input += chunk;
const weights = Float32Array.from(JSON.parse(input));
const session = await InferenceSession.create(process.argv[2]);
const { prediction } = await session.run({
  weight: new Tensor("float32", weights, [weights.length]),
});
console.log(JSON.stringify([...prediction.data]));
