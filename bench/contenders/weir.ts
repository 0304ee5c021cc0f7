import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pinned, startService } from "../kit/service.ts";
import { versionOf } from "../kit/version.ts";
import type { Contender, Setup } from "./contender.ts";

const BIN = fileURLToPath(new URL("../../bin/weir", import.meta.url));

const configuration = (setup: Setup): string => `
engine:
  threads: ${setup.threads}
  maxConnections: 16500
monitor:
  admin: ${setup.scratch}/weir-${setup.port}.sock
log:
  format: httplog
  target: ${setup.scratch}/weir-access.log
frontends:
  www:
    bind: 127.0.0.1:${setup.port}
    default: app
    timeouts: { request: 10s, keepAlive: 300s, client: 300s }
backends:
  app:
    balance: roundrobin
    check: { type: tcp, inter: 2s }
    timeouts: { connect: 5s, server: 60s, queue: 10s }
    servers:
      app1: { address: "127.0.0.1:${setup.backendPort}" }
`;

export const weir: Contender = {
  name: "weir",
  version: () => versionOf(BIN, ["version"]),
  start(setup) {
    const file = `${setup.scratch}/weir-${setup.port}.yaml`;
    writeFileSync(file, configuration(setup));
    return startService(
      pinned(setup.cpus, [BIN, "run", "-f", file]),
      `${setup.scratch}/weir-${setup.port}.log`,
    );
  },
};
