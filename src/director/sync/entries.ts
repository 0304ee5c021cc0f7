import { viewOf } from "#base/bytes.ts";
import { parseIp } from "#base/ip.ts";
import { PROTOCOL } from "#base/protocol.ts";
import { DESTINATION, FLOW, TEMPLATE_KEY } from "#plan/director-layout.ts";
import { CONNECTION_FLAG, METHOD } from "#plan/director-numbers.ts";
import type { ServicePlan } from "#plan/plan.ts";
import { callPart } from "./own.ts";
import { FTP_PORT, familyOf, isAll, type Place } from "./places.ts";
import { wireState } from "./states.ts";
import { type SyncEntry, WIRE_FLAG } from "./wire.ts";

/** IPVS knows since Linux 4.19 whether the client of a template has completed a connection. */
const ASSURED = 1;
/** Of a service with many addresses its templates are told for so many. */
const BINDS_MAX = 8;

const NO_ADDRESS = { 4: parseIp("0.0.0.0")!, 6: new Uint8Array(16) } as const;

/** Of a connection what there is to tell. */
export interface ToldConnection {
  /** Its key. */
  readonly flow: Uint8Array;
  readonly state: number;
  /** CONNECTION_FLAGs. */
  readonly flags: number;
  /** Until it is forgotten. */
  readonly seconds: number;
}

function methodFlags({ method }: Place): number {
  switch (method) {
    case METHOD.DR:
      return WIRE_FLAG.DR | WIRE_FLAG.NO_OUTPUT;
    case METHOD.TUN:
      return WIRE_FLAG.TUN | WIRE_FLAG.NO_OUTPUT;
    default:
      return WIRE_FLAG.NAT;
  }
}

/** The METHOD that flags of an entry stand for. */
export function methodIn(flags: number): number {
  switch (flags & WIRE_FLAG.METHOD_MASK) {
    case WIRE_FLAG.DR:
      return METHOD.DR;
    case WIRE_FLAG.TUN:
      return METHOD.TUN;
    default:
      return METHOD.NAT;
  }
}

const addressOf = ({ value }: Place): Uint8Array =>
  value.subarray(DESTINATION.ADDRESS, DESTINATION.ADDRESS + 16);

/**
 * A connection as it travels; undefined where messages have no words for it: the two ends of a
 * tunnel of different families.
 */
export function connectionEntry(
  { flow, state, flags, seconds }: ToldConnection,
  { mark }: ServicePlan,
  place: Place,
): SyncEntry | undefined {
  const family = familyOf(flow, FLOW.SOURCE);
  const server = addressOf(place);
  if (familyOf(server) !== family) return undefined;
  const view = viewOf(flow);
  const servicePort = view.getUint16(FLOW.DESTINATION_PORT);
  const isInactive = (flags & CONNECTION_FLAG.INACTIVE) !== 0;
  return {
    family,
    protocol: flow[FLOW.PROTOCOL]!,
    flags: methodFlags(place) | (isInactive ? WIRE_FLAG.INACTIVE : 0),
    state: wireState(state),
    client: flow.subarray(FLOW.SOURCE, FLOW.SOURCE + 16),
    clientPort: view.getUint16(FLOW.SOURCE_PORT),
    service: flow.subarray(FLOW.DESTINATION, FLOW.DESTINATION + 16),
    servicePort,
    server,
    serverPort: place.port || servicePort,
    mark,
    timeoutSeconds: seconds,
  };
}

/** The words that IPVS has for a service in templates. */
interface TemplateName {
  readonly protocol: number;
  readonly service: Uint8Array;
  readonly servicePort: number;
}

function namesOf(service: ServicePlan): TemplateName[] {
  if (service.mark !== 0) {
    const address = NO_ADDRESS[service.markFamily === 6 ? 6 : 4].slice();
    const at = service.markFamily === 6 ? 0 : 12;
    new DataView(address.buffer).setUint32(at, service.mark);
    return [{ protocol: 0, service: address, servicePort: 0 }];
  }
  const names = service.binds.flatMap(({ host, firstPort: first, lastPort: last }) =>
    service.protocols.map((name) => ({
      protocol: PROTOCOL[name],
      service: parseIp(host)!,
      servicePort: first === FTP_PORT || isAll({ first, last }) ? 0 : first,
    })),
  );
  return names.slice(0, BINDS_MAX);
}

/** Who stays where: one entry for each name of the service. */
export function templateEntries(
  key: Uint8Array,
  seconds: number,
  service: ServicePlan,
  place: Place,
): SyncEntry[] {
  const server = addressOf(place);
  const family = familyOf(server);
  const source = key.subarray(TEMPLATE_KEY.SOURCE, TEMPLATE_KEY.SOURCE + 16);
  const isByCall = service.persistence?.by === "call-id";
  const names = namesOf(service).filter(
    (one) => service.mark !== 0 || familyOf(one.service) === family,
  );
  // A call is known by a hash, in which its client is too: one of the names will do.
  return (isByCall ? names.slice(0, 1) : names).flatMap((name): SyncEntry | [] => {
    if (!isByCall && familyOf(source) !== family) return [];
    return {
      family,
      ...name,
      flags: WIRE_FLAG.TEMPLATE | methodFlags(place),
      state: ASSURED,
      client: isByCall ? NO_ADDRESS[family] : source,
      clientPort: 0,
      server,
      serverPort: name.servicePort === 0 ? 0 : place.port || name.servicePort,
      mark: service.mark,
      timeoutSeconds: seconds,
      ...(isByCall && { engine: callPart(source) }),
    };
  });
}
