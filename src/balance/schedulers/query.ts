import { createHashed, hashFields, hashWeights } from "../hash-options.ts";
import { keySpec, queryFields } from "../key.ts";
import { scheduler } from "../scheduler.ts";

export const query = scheduler({
  name: "query",
  summary: "the value of a parameter of the query string decides",
  options: { ...queryFields, ...hashFields },
  weights: hashWeights,
  key: (options) => keySpec("query", options),
  create: createHashed,
});
