import { METHOD } from "./director-numbers.ts";
import type { ForwardingMethod } from "./plan.ts";

/** Numbers that methods have in the director's tables. */
export const METHODS: Readonly<Record<ForwardingMethod, number>> = {
  nat: METHOD.NAT,
  dr: METHOD.DR,
  tun: METHOD.TUN,
  fullnat: METHOD.FULLNAT,
  local: METHOD.LOCAL,
  bypass: METHOD.BYPASS,
};
