import type { SyncRole } from "#plan/plan.ts";
import type { SyncCounts } from "./counts.ts";
import type { Peer } from "./peers.ts";

/** A machine that messages come from, as it stands now. */
export interface PeerStatus extends Omit<Peer, "heardMs"> {
  /** Since its last message. */
  readonly silentMs: number;
}

/** How other directors are told of connections. */
export interface SyncStatus {
  readonly interface: string;
  readonly id: number;
  readonly role: SyncRole;
  /** Addresses that messages go to. */
  readonly to: readonly string[];
  readonly port: number;
  /** Why nothing is sent or received. */
  readonly problem: string | undefined;
  readonly peers: readonly PeerStatus[];
  /** Entries that wait to be sent. */
  readonly waiting: number;
  /** The whole table is being told. */
  readonly isTellingAll: boolean;
  readonly counts: Readonly<SyncCounts>;
}
