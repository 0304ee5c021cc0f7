import { type InferFields, int, oneOf, optional } from "#schema/index.ts";

/** How packets are wrapped up, of a service or of one server. */
export const tunnelFields = {
  type: oneOf(["ipip", "gue", "gre"], { help: "What packets are wrapped in", fallback: "ipip" }),
  port: optional(
    int({ help: "UDP port that servers take `gue` at; absent: 6080", min: 1, max: 65_535 }),
  ),
};
export type Tunnel = InferFields<typeof tunnelFields>;
