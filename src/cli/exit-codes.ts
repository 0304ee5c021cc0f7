import type { CodeName } from "#base/errors.ts";

/**
 * What a command ends with; scripts may rely on these. By signal it is 128 + the signal's number.
 */
export const EXIT = Object.freeze({
  OK: 0,
  FAILED: 1,
  USAGE: 2,
  CONFIG_INVALID: 3,
  /** The configuration is valid but has warnings (only with --strict). */
  WARNINGS: 4,
  NOT_PERMITTED: 5,
  UNREACHABLE: 6,
  SAFETY: 7,
  INTERRUPTED: 130,
  TERMINATED: 143,
});

const BY_CODE: Partial<Record<CodeName, number>> = {
  NONE: EXIT.OK,
  USAGE: EXIT.USAGE,
  CONFIG_INVALID: EXIT.CONFIG_INVALID,
  NOT_PERMITTED: EXIT.NOT_PERMITTED,
  DAEMON_UNREACHABLE: EXIT.UNREACHABLE,
  SAFETY_REFUSED: EXIT.SAFETY,
};

/** The exit code for the way something ended. */
export const exitCodeOf = (code: CodeName): number => BY_CODE[code] ?? EXIT.FAILED;
