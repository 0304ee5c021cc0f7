import { writeFileSync } from "node:fs";
import { pinned, startService } from "../kit/service.ts";
import { versionOf } from "../kit/version.ts";
import type { Contender, Setup } from "./contender.ts";

/**
 * HAProxy writes its log to a descriptor with one system call a line (it has no buffer for files);
 * to a file is the usual raw set-up in containers. Splicing and large pipes serve the 1 MiB
 * responses. Idle server connections are used by any client, as nginx does it, and kept although
 * most descriptors are taken by idle clients: its defaults would dial anew for every request there.
 */
const configuration = (setup: Setup): string => `
global
  nbthread ${setup.threads}
  maxconn 16500
  ulimit-n 19990
  no strict-limits
  tune.pipesize 1048576
  maxpipes 64
  tune.pool-low-fd-ratio 90
  tune.pool-high-fd-ratio 95
  log stdout format raw local0 info

defaults
  mode http
  log global
  option httplog
  option forwardfor
  option splice-response
  http-reuse always
  timeout connect 5s
  timeout client 300s
  timeout server 60s
  timeout http-request 10s
  timeout http-keep-alive 300s
  timeout queue 10s
  retries 2

frontend www
  bind 127.0.0.1:${setup.port}
  default_backend app

backend app
  balance roundrobin
  server app1 127.0.0.1:${setup.backendPort} check inter 2s
`;

export const haproxy: Contender = {
  name: "haproxy",
  version: () => versionOf("haproxy", ["-v"]),
  start(setup) {
    const file = `${setup.scratch}/haproxy-${setup.port}.cfg`;
    writeFileSync(file, configuration(setup));
    const command = ["haproxy", "-db", "-f", file];
    return startService(pinned(setup.cpus, command), `${setup.scratch}/haproxy.log`);
  },
};
