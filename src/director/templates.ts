import { viewOf } from "#base/bytes.ts";
import { formatIp } from "#base/ip.ts";
import { PROTOCOL } from "#base/protocol.ts";
import { ADDRESS_KEY, DESTINATION, TEMPLATE } from "#plan/director-layout.ts";
import type { ServicePlan } from "#plan/plan.ts";
import type { Kernel } from "./kernel.ts";
import { rowKey } from "./rows.ts";
import type { ConnectionStatus } from "./status.ts";
import { kernelTicks, msOfTicks } from "./ticks.ts";

/**
 * Templates of persistence that hold: which server a client, or a network of them, or a call is
 * given again. In the order of their table.
 */
export function* templatesOf(
  { maps }: Pick<Kernel, "maps">,
  services: readonly ServicePlan[],
): Generator<ConnectionStatus> {
  const bySlot = new Map(services.map((service) => [service.slot, service]));
  const now = kernelTicks();
  const { keyBytes, slotBytes } = maps.templates;
  for (const { keys, values, count } of maps.templates.batches()) {
    for (let i = 0; i < count; i++) {
      const key = keys.subarray(i * keyBytes, (i + 1) * keyBytes);
      const slot = viewOf(key).getUint32(ADDRESS_KEY.SERVICE, true);
      const value = viewOf(values.subarray(i * slotBytes, (i + 1) * slotBytes));
      const service = bySlot.get(slot);
      const silent = msOfTicks((now - value.getUint32(TEMPLATE.SEEN, true)) | 0);
      const expiresMs = Math.round((service?.persistence?.timeoutMs ?? 0) - silent);
      const row = value.getUint32(TEMPLATE.DESTINATION, true);
      const destination = maps.destinations.lookup(rowKey(row));
      if (!service || expiresMs < 0 || !destination) continue;
      const server = viewOf(destination);
      const generation = value.getUint32(TEMPLATE.GENERATION, true);
      if (server.getUint32(DESTINATION.GENERATION, true) !== generation) continue;
      yield {
        template: true,
        serviceName: service.name,
        state: "NONE",
        client: clientOf(service, key),
        clientPort: 0,
        ...virtualOf(service),
        server: formatIp(destination, DESTINATION.ADDRESS),
        serverPort: server.getUint16(DESTINATION.PORT),
        expiresMs,
      };
    }
  }
}

/** Of a call there is a hash alone. */
function clientOf({ persistence }: ServicePlan, key: Uint8Array): string {
  if (persistence?.by !== "call-id") return formatIp(key, ADDRESS_KEY.ADDRESS);
  return `call-${key.subarray(ADDRESS_KEY.ADDRESS, ADDRESS_KEY.ADDRESS + 16).toHex()}`;
}

/** As IPVS shows it: a mark in the place of the address; port 0 where there are several. */
function virtualOf({ mark, protocols, binds }: ServicePlan) {
  const [bind] = binds;
  if (!bind) {
    const service = [24, 16, 8, 0].map((shift) => (mark >>> shift) & 255).join(".");
    return { protocol: 0, service, servicePort: 0 };
  }
  const isOne = binds.length === 1 && bind.firstPort === bind.lastPort;
  const servicePort = isOne ? bind.firstPort : 0;
  return { protocol: PROTOCOL[protocols[0]!], service: bind.host, servicePort };
}
