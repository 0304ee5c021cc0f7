import { mkdirSync, writeFileSync } from "node:fs";
import { pinned, type Service, startService } from "../kit/service.ts";
import { versionOf } from "../kit/version.ts";
import type { Contender, Setup } from "./contender.ts";

/**
 * Starts nginx in the foreground with files of its own; `before`: what its command begins with.
 */
export function startNginx(
  name: string,
  scratch: string,
  cpus: string | undefined,
  configuration: string,
  before: readonly string[] = [],
): Service {
  const prefix = `${scratch}/${name}`;
  mkdirSync(`${prefix}/tmp`, { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${prefix}/tmp/${kind};`)
    .join(" ");
  const whole = configuration.replace("http {", `http { ${temporary}`);
  writeFileSync(`${prefix}/nginx.conf`, `daemon off; pid ${prefix}/pid; user root;\n${whole}`);
  const command = [
    "nginx",
    "-p",
    prefix,
    "-e",
    `${prefix}/error.log`,
    "-c",
    `${prefix}/nginx.conf`,
  ];
  return startService([...before, ...pinned(cpus, command)], `${prefix}/out.log`);
}

const configuration = (setup: Setup): string => `
worker_processes ${setup.threads};
worker_rlimit_nofile 20000;
events { worker_connections 18000; multi_accept on; }
http {
  access_log ${setup.scratch}/nginx-access.log combined buffer=64k flush=1s;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  client_header_timeout 10s;
  upstream app {
    server 127.0.0.1:${setup.backendPort};
    keepalive 512;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${setup.port} backlog=4096;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_connect_timeout 5s;
      proxy_read_timeout 60s;
    }
  }
}
`;

export const nginx: Contender = {
  name: "nginx",
  version: () => versionOf("nginx", ["-v"]),
  start: (setup) =>
    startNginx(`nginx-${setup.port}`, setup.scratch, setup.cpus, configuration(setup)),
};
