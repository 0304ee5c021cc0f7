/**
 * How a health check ended, as SERVER.CHECK_RESULT holds it. The short names are those HAProxy
 * users know from its statistics (`check_status`): L4 is the connection, L7 the protocol above it;
 * L3, the host by itself, is ours.
 * Order is the number on the Board: ONLY APPEND.
 */
export const CHECK_RESULT_NAMES = [
  "UNK",
  "SOCKERR",
  "L4OK",
  "L4TOUT",
  "L4CON",
  "L7OK",
  "L7TOUT",
  "L7RSP",
  "L7STS",
  "PROCOK",
  "PROCERR",
  "PROCTOUT",
  "L3OK",
  "L3TOUT",
  "L3CON",
] as const;

export type CheckResultName = (typeof CHECK_RESULT_NAMES)[number];

/** Numbers by name: `CHECK_RESULT.L4CON`. 0 is "not checked yet". */
export const CHECK_RESULT = Object.freeze(
  Object.fromEntries(CHECK_RESULT_NAMES.map((name, id) => [name, id])),
) as Readonly<Record<CheckResultName, number>>;

/** In words, for logs and the monitor. */
export const CHECK_RESULT_WORDS: Readonly<Record<CheckResultName, string>> = {
  UNK: "not checked yet",
  SOCKERR: "the check could not be made here",
  L4OK: "connection accepted",
  L4TOUT: "no connection in time",
  L4CON: "connection refused or unreachable",
  L7OK: "right answer",
  L7TOUT: "no answer in time",
  L7RSP: "an answer that breaks its protocol, or none",
  L7STS: "an answer that says no",
  PROCOK: "program succeeded",
  PROCERR: "program failed",
  PROCTOUT: "program did not end in time",
  L3OK: "echo reply",
  L3TOUT: "no echo reply in time",
  L3CON: "the host cannot be reached",
};
