import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pinned, startService } from "../kit/service.ts";
import { versionOf } from "../kit/version.ts";
import type { Contender, Setup } from "./contender.ts";

const BIN = fileURLToPath(new URL("../../bin/weir", import.meta.url));

/**
 * The access log is HAProxy's httplog; idle server connections serve any client, as with the
 * others.
 */
const configuration = (setup: Setup): string => `
engine:
  threads: ${setup.threads}
  maxConnections: 16500
monitor:
  bind: off
log:
  format: httplog
  target: ${setup.scratch}/weir-access.log
frontends:
  www:
    bind: 127.0.0.1:${setup.port}
    default: app
    timeouts: { request: 10s, keepAlive: 5m, client: 5m }
backends:
  app:
    balance: roundrobin
    check: { type: tcp, interval: 2s }
    reuse: always
    idle: { limit: 512 }
    timeouts: { connect: 5s, server: 1m, queue: 10s }
    servers:
      app1: 127.0.0.1:${setup.backendPort}
`;

export const weir: Contender = {
  name: "weir",
  version: () => versionOf(BIN, ["version"]),
  start(setup) {
    const file = `${setup.scratch}/weir-${setup.port}.yaml`;
    writeFileSync(file, configuration(setup));
    const base = `${setup.scratch}/weir-${setup.port}`;
    const command = [BIN, "run", "-f", file, "--socket", `${base}.sock`];
    return startService(pinned(setup.cpus, command), `${base}.log`);
  },
};
