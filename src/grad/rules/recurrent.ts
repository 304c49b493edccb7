import {
  gruExpansion,
  lstmExpansion,
  rnnExpansion,
} from "../../builder/operators/recurrent-steps.ts";
import { byExpansion, type Rules } from "./rule.ts";

export const recurrentRules: Rules<"RNN" | "GRU" | "LSTM"> = {
  RNN: byExpansion(rnnExpansion),
  GRU: byExpansion(gruExpansion),
  LSTM: byExpansion(lstmExpansion),
};
