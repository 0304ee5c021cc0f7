/** Why an entry, or a message whole, was not taken in. Names of metrics: only append. */
export const REFUSALS = [
  /** The message is not one, or damaged. */
  "malformed",
  /** Of another sync id. */
  "id",
  /** We take in nothing: `role: master`. */
  "role",
  /** Too many in a second. */
  "flood",
  /** No service here takes such packets. */
  "service",
  /** Its server is reached by a method whose connections are one machine's. */
  "method",
  /** The service has no such server. */
  "server",
  /** No such protocol, or no such state in it. */
  "state",
  /** Something that is not known here: changed sequence numbers, FTP's data, engines. */
  "kind",
  /** The table of connections is nearly full. */
  "full",
  /** It is known better here. */
  "older",
] as const;
export type SyncRefusal = (typeof REFUSALS)[number];

/** Everything since this control began. */
export interface SyncCounts {
  sentMessages: number;
  sentConnections: number;
  sentTemplates: number;
  /** Messages that the kernel did not take. */
  unsent: number;
  /** Connections that messages have no words for. */
  untold: number;
  receivedMessages: number;
  receivedConnections: number;
  receivedTemplates: number;
  refused: Record<SyncRefusal, number>;
}

export const createCounts = (): SyncCounts => ({
  sentMessages: 0,
  sentConnections: 0,
  sentTemplates: 0,
  unsent: 0,
  untold: 0,
  receivedMessages: 0,
  receivedConnections: 0,
  receivedTemplates: 0,
  refused: Object.fromEntries(REFUSALS.map((name) => [name, 0])) as Record<SyncRefusal, number>,
});
