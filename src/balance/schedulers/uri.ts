import { createHashed, hashFields, hashWeights } from "../hash-options.ts";
import { keySpec, uriFields } from "../key.ts";
import { scheduler } from "../scheduler.ts";

export const uri = scheduler({
  name: "uri",
  summary: "the path decides: each object is fetched through one server, for caches",
  options: { ...uriFields, ...hashFields },
  weights: hashWeights,
  key: (options) => keySpec("uri", options),
  create: createHashed,
});
