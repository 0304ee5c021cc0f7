import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { freePort } from "./free-port.ts";
import { RawClient } from "./raw-client.ts";

/** Another balancer: how it is configured to stand on some ports before some servers. */
export interface PeerProxy {
  readonly name: string;
  /** Arguments that make it say its version. */
  readonly version: readonly string[];
  configure(pairs: readonly (readonly [port: number, server: number])[], directory: string): string;
  run(config: string, directory: string): readonly string[];
}

const haproxy: PeerProxy = {
  name: "haproxy",
  version: ["-v"],
  configure: (pairs) => `
defaults
  mode http
  timeout client 1s
  timeout server 1s
  timeout connect 1s
  timeout http-request 500ms
  option forwardfor
${pairs
  .map(
    ([port, server]) => `
listen at${port}
  bind 127.0.0.1:${port}
  server s 127.0.0.1:${server}
`,
  )
  .join("")}`,
  run: (config) => ["-db", "-f", config],
};

const nginx: PeerProxy = {
  name: "nginx",
  version: ["-v"],
  configure: (pairs, directory) => `
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events {}
http {
  access_log off;
  client_header_timeout 500ms;
  client_body_timeout 500ms;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
${pairs
  .map(
    ([port, server]) => `
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${server};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
`,
  )
  .join("")}}`,
  run: (config, directory) => ["-p", directory, "-e", `${directory}/error.log`, "-c", config],
};

export const PEERS: readonly PeerProxy[] = [haproxy, nginx];

const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;

/** What it calls itself, undefined when it is not installed. */
export function versionOf({ name, version }: PeerProxy): string | undefined {
  const { error, stdout, stderr } = spawnSync(name, version, { env: { PATH }, encoding: "utf8" });
  if (error) return undefined;
  return `${name} ${/\d+\.\d+\.\d+/.exec(`${stdout}${stderr}`)?.[0] ?? "?"}`;
}

/** Runs it before the servers on these ports, until the test ends; one port of its own for each. */
export async function startPeer(
  t: TestContext,
  peer: PeerProxy,
  servers: readonly number[],
): Promise<readonly number[]> {
  const directory = mkdtempSync(join(tmpdir(), `weir-${peer.name}-`));
  const pairs: (readonly [number, number])[] = [];
  for (const server of servers) pairs.push([await freePort(), server]);
  const config = join(directory, "conf");
  writeFileSync(config, peer.configure(pairs, directory));
  const child: ChildProcess = spawn(peer.name, [...peer.run(config, directory)], {
    env: { PATH },
    stdio: "ignore",
    detached: true,
  });
  const gone = new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
  t.after(async () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    await gone;
    rmSync(directory, { recursive: true, force: true });
  });
  const ports = pairs.map(([port]) => port);
  await listening(t, ports.at(-1)!);
  return ports;
}

async function listening(t: TestContext, port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      (await RawClient.connect(t, port)).destroy();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`nobody listens on port ${port}`);
}
