import { formatShape } from "../dim.ts";
import { failArgument } from "../errors.ts";
import { choiceOf, inputOf, intsOf, type NodeFacts, none, type Schemas } from "../schema.ts";
import type { Value } from "../value.ts";
import { broadcastAll } from "./emit.ts";

function textOf(node: NodeFacts, i: number): Value {
  const x = inputOf(node, i);
  if (x.dtype !== "string" && x.dtype !== "unknown") {
    failArgument(node.operator, `input ${i}`, "strings", x);
  }
  return x;
}

/** Operators on strings and encoded images. They have no function here: `graph.node` applies them. */
export const textSchemas: Schemas<
  | "StringConcat"
  | "StringSplit"
  | "StringNormalizer"
  | "RegexFullMatch"
  | "TfIdfVectorizer"
  | "ImageDecoder"
> = {
  StringConcat: {
    arity: 2,
    normal: none,
    infer: (node) => {
      const values = [textOf(node, 0), textOf(node, 1)];
      return [{ dtype: "string", shape: broadcastAll(node, values) }];
    },
  },
  StringSplit: {
    arity: 1,
    normal: none,
    infer: (node) => {
      const { shape } = textOf(node, 0);
      return [
        { dtype: "string", shape: shape && [...shape, undefined] },
        { dtype: "int64", shape },
      ];
    },
  },
  StringNormalizer: {
    arity: 1,
    normal: (node) => {
      choiceOf(node, "case_change_action", ["NONE", "LOWER", "UPPER"], "NONE");
      return {};
    },
    infer: (node) => {
      const { shape } = textOf(node, 0);
      if (shape !== undefined && shape.length !== 1 && shape.length !== 2) {
        failArgument(node.operator, "x", "[words] or [1, words]", formatShape(shape));
      }
      // Stop words are left out.
      return [{ dtype: "string", shape: shape && [...shape.slice(0, -1), undefined] }];
    },
  },
  RegexFullMatch: {
    arity: 1,
    normal: none,
    infer: (node) => [{ dtype: "bool", shape: textOf(node, 0).shape }],
  },
  TfIdfVectorizer: {
    arity: 1,
    normal: (node) => {
      choiceOf(node, "mode", ["TF", "IDF", "TFIDF"], "TF");
      return {};
    },
    infer: (node) => {
      const { shape } = inputOf(node, 0);
      const places = intsOf(node, "ngram_indexes") ?? [];
      const size = places.reduce((most, at) => Math.max(most, at + 1), 0);
      return [{ dtype: "float32", shape: shape && [...shape.slice(0, -1), size] }];
    },
  },
  ImageDecoder: {
    arity: 1,
    normal: (node) => {
      const format = choiceOf(node, "pixel_format", ["RGB", "BGR", "Grayscale"], "RGB");
      return { channels: format === "Grayscale" ? 1 : 3 };
    },
    infer: (_, { channels }) => [{ dtype: "uint8", shape: [undefined, undefined, channels] }],
  },
};
