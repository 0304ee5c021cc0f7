import { createHashed, hashedPackets, hashFields, hashWeights } from "../hash-options.ts";
import { keySpec } from "../key.ts";
import { scheduler } from "../scheduler.ts";

export const source = scheduler({
  name: "source",
  summary: "the client's address decides: a client stays with its server",
  options: hashFields,
  weights: hashWeights,
  key: () => keySpec("source"),
  create: createHashed,
  packets: hashedPackets,
});
