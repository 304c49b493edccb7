import type { OperatorName, OperatorTable, Schema } from "../schema.ts";
import { activationSchemas } from "./activation.ts";
import { attentionSchemas } from "./attention.ts";
import { bitsSchemas } from "./bits.ts";
import { blocksSchemas } from "./blocks.ts";
import { convolutionSchemas } from "./convolution.ts";
import { deformSchemas } from "./deform.ts";
import { determinantSchemas } from "./determinant.ts";
import { einsumSchemas } from "./einsum-operator.ts";
import { foldSchemas } from "./fold.ts";
import { fusions } from "./fusions.ts";
import { groupNormalizationSchemas } from "./group-normalization.ts";
import { coreSchemas, provideFusions, provideSchemas } from "./known.ts";
import { lossSchemas } from "./losses.ts";
import { machineLearning } from "./machine-learning.ts";
import { normalizationSchemas } from "./normalization.ts";
import { optionalSchemas } from "./optional.ts";
import { poolingSchemas } from "./pooling.ts";
import { quantizationSchemas } from "./quantization.ts";
import { randomSchemas } from "./random.ts";
import { recurrentSchemas } from "./recurrent.ts";
import { regionsSchemas } from "./regions.ts";
import { resizeSchemas } from "./resize.ts";
import { rotarySchemas } from "./rotary.ts";
import { samplingSchemas } from "./sampling.ts";
import { scaleNormalizationSchemas } from "./scale-normalization.ts";
import { selectionSchemas } from "./selection.ts";
import { sequenceSchemas } from "./sequence.ts";
import { spectrumSchemas } from "./spectrum.ts";
import { textSchemas } from "./text.ts";
import { trigonometrySchemas } from "./trigonometry.ts";

/** What the builder knows of each ai.onnx operator. A module of "softonnx" alone, for its effect: pages
 * that use "softonnx/core" do without what only networks and imported models need. */
export const schemas: { readonly [Op in OperatorName]: Schema<OperatorTable[Op]> } = {
  ...coreSchemas,
  ...activationSchemas,
  ...bitsSchemas,
  ...blocksSchemas,
  ...convolutionSchemas,
  ...einsumSchemas,
  ...groupNormalizationSchemas,
  ...lossSchemas,
  ...normalizationSchemas,
  ...poolingSchemas,
  ...recurrentSchemas,
  ...scaleNormalizationSchemas,
  ...determinantSchemas,
  ...foldSchemas,
  ...regionsSchemas,
  ...deformSchemas,
  ...resizeSchemas,
  ...samplingSchemas,
  ...selectionSchemas,
  ...optionalSchemas,
  ...sequenceSchemas,
  ...spectrumSchemas,
  ...textSchemas,
  ...trigonometrySchemas,
  ...attentionSchemas,
  ...rotarySchemas,
  ...quantizationSchemas,
  ...randomSchemas,
};

provideSchemas(schemas);
provideFusions({ ...fusions, ...machineLearning });
