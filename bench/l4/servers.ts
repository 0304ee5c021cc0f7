import { mkdirSync, writeFileSync } from "node:fs";
import { inNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { startNginx } from "../contenders/nginx.ts";
import { type Service, startService } from "../kit/service.ts";
import type { Net } from "./net.ts";

/**
 * Ports of servers. Ways on which a server sees the same client have one each: a connection that is
 * over for a client by one way is not for the server, and would be in the way of another's.
 */
export const WEB = [8000, 8001, 8002, 8003] as const;
export const BULK = 5201;

const configuration = (files: string): string => `
worker_processes 1;
worker_rlimit_nofile 20000;
events { worker_connections 18000; multi_accept on; }
http {
  access_log off;
  sendfile on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  default_type text/plain;
  open_file_cache max=8;
  server {
    ${WEB.map((port) => `listen ${port} backlog=4096;`).join(" ")}
    root ${files};
  }
}
`;

/** nginx with a file of 1 KiB, in a namespace. */
export function startWeb(owner: Owner, scratch: string, netns: string): Service {
  const files = `${scratch}/files`;
  mkdirSync(files, { recursive: true });
  writeFileSync(`${files}/1k`, Buffer.alloc(1024, "weir "));
  const text = configuration(files);
  const service = startNginx(`web-${netns}`, scratch, undefined, text, inNetns(netns));
  owner.after(() => service.stop());
  return service;
}

/** Web servers behind every way. */
export function startWebs(owner: Owner, { scratch, servers }: Net): void {
  for (const { netns } of servers) startWeb(owner, scratch, netns);
}

/** iperf3 behind every way. */
export function startBulks(owner: Owner, { scratch, servers }: Net): void {
  for (const { netns } of servers) {
    const command = [...inNetns(netns), "iperf3", "-s", "-p", `${BULK}`];
    const service = startService(command, `${scratch}/iperf3-${netns}.log`);
    owner.after(() => service.stop());
  }
}
