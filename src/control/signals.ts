import type { StopMode } from "./api.ts";

/** Signals the supervisor listens to. USR1 opens Node's debugger unless handled: see bin/weir. */
export const SIGNALS = ["SIGHUP", "SIGUSR2", "SIGTERM", "SIGQUIT", "SIGUSR1", "SIGINT"] as const;
export type SignalName = (typeof SIGNALS)[number];

export type SignalAction = "reload" | StopMode;

/**
 * What a signal asks for: HUP and USR2 reload; TERM, QUIT and USR1 stop gracefully and INT within 5
 * s. While stopping, another TERM or INT means at once; QUIT and USR1 stay gentle however often
 * they come. undefined = nothing to do.
 */
export function actionFor(signal: SignalName, stopping: boolean): SignalAction | undefined {
  switch (signal) {
    case "SIGHUP":
    case "SIGUSR2":
      return stopping ? undefined : "reload";
    case "SIGTERM":
      return stopping ? "now" : "graceful";
    case "SIGINT":
      return stopping ? "now" : "quick";
    default:
      return stopping ? undefined : "graceful";
  }
}
