import { mkdirSync, writeFileSync } from "node:fs";
import type { Service } from "../kit/service.ts";
import { startNginx } from "./nginx.ts";

/** The server behind every contender: nginx, answering from memory. */
export function startBackend(scratch: string, port: number, cpus: string | undefined): Service {
  const files = `${scratch}/files`;
  mkdirSync(files, { recursive: true });
  writeFileSync(`${files}/1m`, Buffer.alloc(1 << 20, "weir "));
  return startNginx(
    "backend",
    scratch,
    cpus,
    `
worker_processes 1;
worker_rlimit_nofile 20000;
events { worker_connections 18000; multi_accept on; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  default_type text/plain;
  open_file_cache max=8;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${files};
    location = /1k { return 200 "${"weir ".repeat(205).slice(0, 1024)}"; }
  }
}
`,
  );
}
