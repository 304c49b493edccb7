import { type Rules, zero } from "./rule.ts";

const TEXT = zero("it works on text");

export const textRules: Rules<
  | "StringConcat"
  | "StringSplit"
  | "StringNormalizer"
  | "RegexFullMatch"
  | "TfIdfVectorizer"
  | "ImageDecoder"
> = {
  StringConcat: TEXT,
  StringSplit: TEXT,
  StringNormalizer: TEXT,
  RegexFullMatch: TEXT,
  TfIdfVectorizer: zero("it counts words"),
  ImageDecoder: zero("it reads bytes"),
};
