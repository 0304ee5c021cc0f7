import { parseIp } from "#base/ip.ts";
import type { SyncRole } from "#plan/plan.ts";
import { type EnginePart, type SyncEntry, WIRE_FLAG } from "./wire.ts";

/*
 * What IPVS has no words for: that a director is there, and what a call is known by. Both are
 * templates of a persistence engine that IPVS does not have; it passes such entries over, in
 * silence.
 *
 *   hello   0 │ 1 (1) │ role (1) │ instance (4) │
 *   call    0 │ 2 (1) │ hash of the call (16) │
 */

export const OWN_ENGINE = "weir";
const HELLO = 1;
const CALL = 2;
const HELLO_BYTES = 6;
const CALL_BYTES = 17;
const ROLES: readonly SyncRole[] = ["both", "master", "backup"];

/** That a director is there: it says so every second. */
export interface Hello {
  readonly role: SyncRole;
  /** Drawn when it began, so that one that was begun anew is known. 32 bits. */
  readonly instance: number;
}

const NOWHERE = parseIp("0.0.0.0")!;

export function helloEntry({ role, instance }: Hello): SyncEntry {
  const data = new Uint8Array(HELLO_BYTES);
  data[0] = HELLO;
  data[1] = ROLES.indexOf(role);
  new DataView(data.buffer).setUint32(2, instance);
  return {
    ...{ family: 4, protocol: 0, flags: WIRE_FLAG.TEMPLATE, state: 0, mark: 0, timeoutSeconds: 1 },
    ...{ client: NOWHERE, clientPort: 0, service: NOWHERE, servicePort: 0 },
    ...{ server: NOWHERE, serverPort: 0, engine: { name: OWN_ENGINE, data } },
  };
}

/** The director that says it is there; undefined: the entry is about something else. */
export function readHello({ engine }: SyncEntry): Hello | undefined {
  if (engine?.name !== OWN_ENGINE) return undefined;
  const { data } = engine;
  const role = ROLES[data[1] ?? ROLES.length];
  if (data[0] !== HELLO || data.length !== HELLO_BYTES || !role) return undefined;
  return { role, instance: new DataView(data.buffer, data.byteOffset).getUint32(2) };
}

export function callPart(hash: Uint8Array): EnginePart {
  const data = new Uint8Array(CALL_BYTES);
  data[0] = CALL;
  data.set(hash, 1);
  return { name: OWN_ENGINE, data };
}

/** The hash of 16 bytes that a call is known by. */
export function readCall({ engine }: SyncEntry): Uint8Array | undefined {
  if (engine?.name !== OWN_ENGINE) return undefined;
  const { data } = engine;
  return data[0] === CALL && data.length === CALL_BYTES ? data.slice(1) : undefined;
}
