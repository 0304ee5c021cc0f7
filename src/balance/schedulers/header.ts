import { createHashed, hashFields, hashWeights } from "../hash-options.ts";
import { headerFields, keySpec } from "../key.ts";
import { scheduler } from "../scheduler.ts";

export const header = scheduler({
  name: "header",
  summary: "the value of a header field decides",
  options: { ...headerFields, ...hashFields },
  weights: hashWeights,
  key: (options) => keySpec("header", options),
  create: createHashed,
});
