import type { MonitorListeners } from "#control/api.ts";
import { boundAddress, listenOn } from "#io/sockets.ts";

/** Listening sockets as control hands them to the monitor: a port of ours, and a Unix socket. */
export function openDoors(adminPath: string): { listeners: MonitorListeners; port: number } {
  const page = listenOn({ kind: "inet", host: "127.0.0.1", port: 0 });
  const admin = listenOn({ kind: "unix", path: adminPath });
  return { listeners: { admin, page }, port: (boundAddress(page) as { port: number }).port };
}
