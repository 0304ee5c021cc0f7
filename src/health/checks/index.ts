import type { CheckType } from "../check.ts";
import { agent } from "./agent.ts";
import { dns } from "./dns.ts";
import { exec } from "./exec.ts";
import { http } from "./http.ts";
import { icmp } from "./icmp.ts";
import { tcp } from "./tcp.ts";
import { udp } from "./udp.ts";

/** Every way to check a server. To add one: a file here, and a line below. */
export const checks = [
  tcp,
  http,
  udp,
  dns,
  icmp,
  agent,
  exec,
] as const satisfies readonly CheckType[];
