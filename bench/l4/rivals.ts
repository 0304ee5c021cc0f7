import { existsSync, writeFileSync } from "node:fs";
import { inNetns, noProgram, runInNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { startNginx } from "../contenders/nginx.ts";
import { startService } from "../kit/service.ts";
import { type Net, PLACE, VIP } from "./net.ts";
import { BULK, WEB } from "./servers.ts";
import type { Way } from "./ways.ts";

/** Others that spread connections, each with one server, on the machine beside our director. */
interface Rival {
  readonly name: string;
  /** What it needs and is not here; false when nothing is missing. */
  lacks(): string | false;
  /** Has it take the ports, for as long as the owner lasts, or for a turn. */
  start(owner: Owner, net: Net, web: number, bulk: number): Way["enter"];
}

const serverOf = ({ servers }: Net): string => servers[PLACE.rivals]!.host;

/** Its rules are there for its own turns: the others' packets would be tracked as well. */
const nftables: Rival = {
  name: "nftables",
  lacks: () => noProgram("nft"),
  start(_owner, net, web, bulk) {
    const file = `${net.scratch}/rules.nft`;
    const rule = (port: number, to: number): string =>
      `ip daddr ${VIP.rival} tcp dport ${port} dnat to ${serverOf(net)}:${to};`;
    const hook = "type nat hook prerouting priority dstnat;";
    writeFileSync(
      file,
      `table ip bench { chain to_server { ${hook} ${rule(web, WEB[1])} ${rule(bulk, BULK)} }; }\n`,
    );
    return () => {
      runInNetns(net.rival, "nft", "-f", file);
      return () => void runInNetns(net.rival, "nft", "delete", "table", "ip", "bench");
    };
  },
};

const haproxy: Rival = {
  name: "haproxy",
  lacks: () => noProgram("haproxy"),
  start(owner, net, web, bulk) {
    const file = `${net.scratch}/haproxy.cfg`;
    const listen = (name: string, port: number, to: number): string =>
      `listen ${name}\n  bind ${VIP.rival}:${port}\n  server a ${serverOf(net)}:${to}\n`;
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 4000
  tune.pipesize 1048576
defaults
  mode tcp
  option splice-auto
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${listen("web", web, WEB[2])}${listen("bulk", bulk, BULK)}`,
    );
    const command = [...inNetns(net.rival), "haproxy", "-db", "-f", file];
    const service = startService(command, `${net.scratch}/haproxy.log`);
    owner.after(() => service.stop());
    return undefined;
  },
};

const STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so";

const nginx: Rival = {
  name: "nginx stream",
  lacks: () => noProgram("nginx") || (existsSync(STREAM) ? false : `${STREAM} is missing`),
  start(owner, net, web, bulk) {
    const server = (port: number, to: number): string =>
      `server { listen ${VIP.rival}:${port} backlog=4096; proxy_pass ${serverOf(net)}:${to}; }`;
    const text = `
load_module ${STREAM};
worker_processes 1;
worker_rlimit_nofile 20000;
events { worker_connections 18000; multi_accept on; }
stream {
  proxy_connect_timeout 5s;
  proxy_timeout 60s;
  ${server(web, WEB[3])}
  ${server(bulk, BULK)}
}
`;
    const service = startNginx("stream", net.scratch, undefined, text, inNetns(net.rival));
    owner.after(() => service.stop());
    return undefined;
  },
};

export const RIVALS: readonly Rival[] = [nftables, haproxy, nginx];

/** The ways through those that are installed. */
export function startRivals(owner: Owner, net: Net, say: (line: string) => void): Way[] {
  return RIVALS.flatMap((rival, i): Way[] => {
    const lacking = rival.lacks();
    if (lacking !== false) {
      say(`${rival.name} is left out: ${lacking}`);
      return [];
    }
    const [web, bulk] = [91 + 2 * i, 92 + 2 * i];
    const enter = rival.start(owner, net, web, bulk);
    return [{ name: rival.name, host: VIP.rival, web, bulk, ...(enter && { enter }) }];
  });
}
