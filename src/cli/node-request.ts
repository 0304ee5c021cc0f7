import { WeirError } from "#base/errors.ts";
import { FORMS, type Form } from "#node/forms.ts";
import type { ClientRequest } from "#node/plan-client.ts";
import type { JoinRequest } from "#node/plan-join.ts";
import { readAddress, readNetwork } from "./node-options.ts";

/** What `weir node join` was given besides its method. */
export interface JoinWords {
  readonly vip: readonly string[];
  readonly device: readonly string[];
  readonly type: Form | "all";
  readonly port: readonly number[];
  readonly from: readonly string[];
  readonly mss: number | undefined;
  readonly cgroup: string | undefined;
}

/** UDP port of Generic UDP Encapsulation (IANA: gue). */
const GUE_PORT = 6080;

/** What is asked for. Throws a WeirError for what does not go together. */
export function joinRequest(
  method: string | undefined,
  words: JoinWords,
): JoinRequest | ClientRequest {
  const { vip, device, type, port, mss, cgroup } = words;
  const from = words.from.map(readNetwork);
  if (method === "fullnat") {
    if (vip.length > 0) throw usage("fullnat has no --vip: servers are asked at their own address");
    if (from.length === 0) {
      throw usage("--from is missing: the directors' localAddresses, which alone are believed");
    }
    return { method, from, ports: [...new Set(port)], devices: device, cgroup };
  }
  if (method !== "dr" && method !== "tun") {
    throw usage(`METHOD is dr, tun or fullnat, not "${method}"`);
  }
  if (vip.length === 0) throw usage("--vip is missing: the address that clients ask for");
  if (method === "dr" && device.length > 1) throw usage("one --device holds the addresses");
  if (port.length > 1) throw usage("tunnels of gue come to one --port");
  if (cgroup !== undefined) throw usage(`--cgroup is of fullnat, not of ${method}`);
  return {
    method,
    vips: vip.map(readAddress),
    vipDevice: method === "dr" ? (device[0] ?? "lo") : "lo",
    forms: type === "all" ? FORMS : [type],
    port: port[0] ?? GUE_PORT,
    devices: method === "tun" ? device : [],
    from,
    mss,
  };
}

const usage = (text: string): WeirError => new WeirError("USAGE", text);
