export type Level = "info" | "warning" | "error";

/** Says something to the operator: one line, no newline at its end. Never throws, never waits. */
export type Log = (level: Level, text: string) => void;
