import { type Rules, zero } from "./rule.ts";

const DRAWN = zero(
  "it draws at random, and no number that it is given moves what was drawn by small steps",
);

export const randomRules: Rules<
  | "RandomNormal"
  | "RandomUniform"
  | "RandomNormalLike"
  | "RandomUniformLike"
  | "Bernoulli"
  | "Multinomial"
> = {
  RandomNormal: zero("it reads nothing"),
  RandomUniform: zero("it reads nothing"),
  RandomNormalLike: DRAWN,
  RandomUniformLike: DRAWN,
  Bernoulli: DRAWN,
  Multinomial: DRAWN,
};
