import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { WeirError } from "#base/errors.ts";
import type { SystemError } from "#io/errno-names.ts";
import type { Form } from "./forms.ts";

/*
 * What was changed on this machine, so that it can be undone. It is written before the change is
 * made: what a crash leaves behind is known.
 */

/** Addresses are text in their shortest form. */
export interface NodeState {
  readonly version: 1;
  /** Name of the folder in /sys/fs/bpf. */
  readonly pins: string;
  readonly vips: readonly VipState[];
  readonly sysctls: readonly SysctlState[];
  readonly tunnel: TunnelState | undefined;
  /** Undefined: it is told nothing of clients. */
  readonly client: ClientState | undefined;
}

export interface VipState {
  readonly address: string;
  readonly device: string;
  /** It was not there before. */
  readonly added: boolean;
  /** It is reached through tunnels. */
  readonly tunnel: boolean;
}

export interface SysctlState {
  readonly name: string;
  readonly was: number;
  readonly now: number;
}

export interface TunnelState {
  readonly forms: readonly Form[];
  readonly port: number;
  /** Where tunnels come in. */
  readonly devices: readonly string[];
  /** Where answers go out, and MSS is lowered. */
  readonly outDevices: readonly string[];
  /** Networks that tunnels may come from; empty: from anywhere. */
  readonly from: readonly string[];
  /** Addresses that tunnels may end at. */
  readonly own: readonly string[];
  /** Most bytes of a TCP segment, by family. */
  readonly mss4: number;
  readonly mss6: number;
}

/** Whom this machine believes who clients are. */
export interface ClientState {
  /** Networks of directors' addresses that FULLNAT speaks from. */
  readonly from: readonly string[];
  /** That connections with clients are for; empty: every port. */
  readonly ports: readonly number[];
  /** Where they come in. */
  readonly devices: readonly string[];
  /** Folder of the cgroup whose processes are told. */
  readonly cgroup: string;
}

export const emptyState = (pins: string): NodeState => ({
  version: 1,
  pins,
  vips: [],
  sysctls: [],
  tunnel: undefined,
  client: undefined,
});

/** Undefined when nothing was joined. Throws a WeirError for a file that cannot be understood. */
export function readState(path: string): NodeState | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as SystemError).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const state = JSON.parse(text) as NodeState;
    if (state.version === 1) return { ...state, tunnel: state.tunnel, client: state.client };
  } catch {
    // Said below.
  }
  throw new WeirError(
    "START_FAILED",
    `${path} is not what weir node join wrote; look at it, then delete it`,
  );
}

export function writeState(path: string, state: NodeState): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o644 });
  renameSync(`${path}.new`, path);
}

export const removeState = (path: string): void => rmSync(path, { force: true });
