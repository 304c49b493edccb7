import { InferenceSession, Tensor } from "onnxruntime-node";

test("onnxruntime-node accepts the typed arrays that a test makes", () => {
  expect(new Tensor("float32", new Float32Array([1, 2]), [2]).data).toBeInstanceOf(Float32Array);
  expect(new Tensor("int64", new BigInt64Array([1n]), [1]).data).toBeInstanceOf(BigInt64Array);
});

test("a failure of onnxruntime-node is an error that a test can expect", async () => {
  await expect(InferenceSession.create(new Uint8Array([1, 2, 3]))).rejects.toThrow(/protobuf/i);
});
