import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { attachTcx } from "#io/bpf/link.ts";
import { loadBpfObject } from "#io/bpf/loader.ts";
import { parseBpfObject } from "#io/bpf/object.ts";
import { interfaceIndex } from "#io/netlink.ts";
import { closeFd } from "#io/sockets.ts";
import { compileBpf, noBpf } from "#kit/bpf.ts";
import { createCgroup, inCgroup, noCgroup } from "#kit/client-cgroup.ts";
import { askFrom, createLan, type Lan, serverHost, startNamed, VIP } from "#kit/lan.ts";
import { runClient } from "#kit/lan-client.ts";
import { SERVER_PORT, startDirector } from "#kit/lan-services.ts";
import { inNetns, noNetns, noProgram, runInNetns, withNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { nodePlace, weirIn } from "#kit/tunnel-lan.ts";
import { until } from "#kit/until.ts";

/*
 * nginx as everybody has it, behind FULLNAT: its log has the client's address.
 */

const NGINX_PORT = 8080;
const CLIENT = { 4: "10.1.0.2", 6: "fd01::2" } as const;
const FAMILIES = [4, 6] as const;
const BYTES = 5 << 20;

const skip = noNetns() || noBpf() || noCgroup() || noProgram("nginx", "curl", "ethtool");

/** Its log has a line `CLIENT PORT METHOD BYTES` for every request. */
async function startNginx(owner: Owner, netns: string, cgroup: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "weir-nginx-"));
  chmodSync(folder, 0o777);
  const config = join(folder, "conf");
  writeFileSync(
    config,
    `
daemon off; master_process off; user root; pid ${folder}/pid; error_log ${folder}/error.log;
events {}
http {
  log_format who '$remote_addr $remote_port $request_method $status';
  access_log ${folder}/access.log who;
  client_max_body_size 100m; client_body_temp_path ${folder}/body; root ${folder};
  server { listen ${NGINX_PORT}; listen [::]:${NGINX_PORT}; location / { dav_methods PUT; } }
}
`,
  );
  const nginx = ["nginx", "-e", `${folder}/error.log`, "-c", config];
  const [program, ...words] = [...inNetns(netns), ...inCgroup(cgroup), ...nginx];
  const child = spawn(program!, words, {
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` },
    stdio: "inherit",
  });
  owner.after(() => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  await until("nginx is there", () => existsSync(`${folder}/pid`));
  return folder;
}

const bracket = (host: string): string => (host.includes(":") ? `[${host}]` : host);

function configuration(lan: Lan, more: string): string {
  const rows = FAMILIES.flatMap((family) =>
    [
      ["nginx", 80, NGINX_PORT],
      ["named", 81, SERVER_PORT],
    ].map(([name, port, server]) => ({
      service: `  ${name}${family}: { bind: "${bracket(VIP[family])}:${port}", method: fullnat, backend: ${name}${family}${more} }`,
      backend: `  ${name}${family}: { check: off, servers: { a: "${bracket(serverHost(family, 0))}:${server}" } }`,
    })),
  );
  return `
director:
  interfaces: ${lan.device}
  pins: ${lan.pins}
  localAddresses: [${lan.locals.map((address) => `"${address}"`).join(", ")}]
services:
${rows.map(({ service }) => service).join("\n")}
backends:
${rows.map(({ backend }) => backend).join("\n")}
`;
}

interface World {
  readonly lan: Lan;
  readonly folder: string;
  readonly server: string;
  readonly place: readonly string[];
  readonly cgroup: string;
}

async function build(t: Owner, more = ", passClient: true"): Promise<World> {
  const cgroup = createCgroup(t);
  const lan = createLan(t, "director", 1);
  const [server] = lan.servers;
  const folder = await startNginx(t, server!, cgroup);
  await startNamed(t, server!, "a", SERVER_PORT, inCgroup(cgroup));
  const place = nodePlace(t, lan.pins);
  await startDirector(t, lan, configuration(lan, more));
  return { lan, folder, server: server!, place, cgroup };
}

function joinFullnat({ lan, server, place, cgroup }: World, ...more: string[]): void {
  const from = lan.locals.flatMap((address) => ["--from", address]);
  const words = ["node", "join", "fullnat", ...from, "--cgroup", cgroup, ...more, ...place];
  const { code, out, err } = weirIn(server, ...words);
  assert.equal(code, 0, `${out}${err}`);
}

const logOf = ({ folder }: World): string => join(folder, "access.log");

/** Requests one thing, the only one in nginx's log then; the client's port. */
function curl(world: World, family: 4 | 6, ...words: string[]): string {
  truncateSync(logOf(world));
  const url = `http://${bracket(VIP[family])}/file`;
  const limits = ["-sSf", "--max-time", "60"];
  return runInNetns(world.lan.client, "curl", ...limits, "-w", "%{local_port}", ...words, url);
}

/** What nginx wrote of the request, which it does when the client has its answer already. */
async function logged(world: World): Promise<string> {
  const log = (): string => readFileSync(logOf(world), "utf8");
  await until("it is logged", () => log().endsWith("\n"));
  return log().trimEnd();
}

/** A file there and back. */
async function exchange(world: World, family: 4 | 6): Promise<void> {
  const sent = randomBytes(BYTES);
  const [up, down] = [join(world.folder, "sent"), join(world.folder, "came")];
  writeFileSync(up, sent);
  rmSync(join(world.folder, "file"), { force: true });
  const putPort = curl(world, family, "-T", up);
  assert.ok(readFileSync(join(world.folder, "file")).equals(sent), "what came up is what was sent");
  assert.equal(await logged(world), `${CLIENT[family]} ${putPort} PUT 201`);
  const getPort = curl(world, family, "-o", down);
  assert.ok(readFileSync(down).equals(sent), "and what came down");
  assert.equal(await logged(world), `${CLIENT[family]} ${getPort} GET 200`);
}

/** Drops what acknowledges and carries nothing, on its way to servers. */
const NO_ACKS = `
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
SEC("tc") int no_acks(struct __sk_buff *skb) {
  unsigned char ip[40], tcp[20];
  int l4 = 14 + 40, end;
  if (bpf_skb_load_bytes(skb, 14, ip, 40)) return TC_ACT_OK;
  if (ip[0] >> 4 == 4) {
    l4 = 14 + (ip[0] & 15) * 4;
    end = 14 + ip[2] * 256 + ip[3];
    if (ip[9] != 6) return TC_ACT_OK;
  } else {
    end = 54 + ip[4] * 256 + ip[5];
    if (ip[6] != 6) return TC_ACT_OK;
  }
  if (bpf_skb_load_bytes(skb, l4, tcp, 20)) return TC_ACT_OK;
  return (tcp[13] & 0x17) == 0x10 && l4 + (tcp[12] >> 4) * 4 == end ? TC_ACT_SHOT : TC_ACT_OK;
}
`;

/** Sends more at once than a packet holds, and prints how the server calls its sender. */
const BURST = `
const [, host, port] = process.argv;
const end = (text) => { console.log(JSON.stringify(text)); process.kill(process.pid, "SIGKILL"); };
const big = () => socket.write(Buffer.alloc(14000, 120));
const socket = require("node:net").connect({ host, port: Number(port) }, big);
socket.once("data", (text) => end(text.toString().split("\\n")[0])).on("error", (e) => end(e.code));
setTimeout(() => end("timeout"), 10_000);
`;

function loseAcks(owner: Owner, { lan }: World): void {
  const loaded = loadBpfObject(parseBpfObject(compileBpf(NO_ACKS)));
  const link = withNetns(lan.wire, () =>
    attachTcx(loaded.programs["no_acks"]!, interfaceIndex("server0"), "egress"),
  );
  owner.after(() => {
    closeFd(link);
    loaded.close();
  });
}

/** Segments are cut, and their sums made, where they leave: by the kernel itself. */
const cutInSoftware = ({ lan, server }: World): void => {
  runInNetns(lan.director, "ethtool", "-K", lan.device, "tx", "off", "tso", "off", "gso", "off");
  runInNetns(server, "ethtool", "-K", lan.device, "rx", "off", "gro", "off");
};

describe("the client's address through FULLNAT", { skip }, () => {
  test("is what nginx logs, and what others see", async (t) => {
    const world = await build(t);
    joinFullnat(world);
    for (const family of FAMILIES) {
      await exchange(world, family);
      // A socket of IPv6 that talks both.
      assert.deepEqual(askFrom(world.lan.client, "tcp", VIP[family], 81, 2), [
        ...[`a ${CLIENT[family]}`, `a ${CLIENT[family]}`],
      ]);
    }
    cutInSoftware(world);
    for (const family of FAMILIES) await exchange(world, family);
    const status = JSON.parse(weirIn(world.server, "node", "status", "--json", ...world.place).out);
    assert.deepEqual([status.client.tells, status.client.counts.unfit], [true, 0]);
    assert.deepEqual(
      status.client.programs.map(({ hook }: { hook: string }) => hook),
      ["tcx"],
    );
    const { begun, told, said } = status.client.counts;
    assert.ok(begun >= 12 && told === begun && said >= begun, JSON.stringify(status.client.counts));
  });

  test("comes with data when what ends the handshake is lost", async (t) => {
    const world = await build(t);
    joinFullnat(world);
    loseAcks(t, world);
    const put = async (family: 4 | 6): Promise<void> => {
      const sent = randomBytes(200_000);
      const up = join(world.folder, "sent");
      writeFileSync(up, sent);
      const port = curl(world, family, "-T", up);
      assert.ok(readFileSync(join(world.folder, "file")).equals(sent));
      assert.match(await logged(world), new RegExp(`^${CLIENT[family]} ${port} PUT`));
    };
    const both = async (): Promise<void> => {
      for (const family of FAMILIES) {
        await put(family);
        assert.equal(
          runClient(world.lan.client, BURST, [VIP[family], "81"]),
          `a ${CLIENT[family]}`,
        );
      }
    };
    await both();
    cutInSoftware(world);
    await both();
  });

  test("of certain ports, from whom it may come; leaving undoes all", async (t) => {
    const world = await build(t);
    const { lan, server, place } = world;
    const ask = (port: number): string => askFrom(lan.client, "tcp", VIP[4], port, 1)[0]!;
    joinFullnat(world, "--port", String(NGINX_PORT));
    assert.equal(ask(81), `a ${lan.locals[0]}`, "another port");
    joinFullnat(world, "--port", String(SERVER_PORT));
    assert.equal(ask(81), `a ${CLIENT[4]}`);
    const words = ["node", "join", "fullnat", "--from", "10.9.9.9", "--cgroup", world.cgroup];
    assert.equal(weirIn(server, ...words, "--device", lan.device, ...place).code, 0);
    assert.equal(ask(81), `a ${lan.locals[0]}`, "a stranger is not believed");
    joinFullnat(world);
    assert.equal(ask(81), `a ${CLIENT[4]}`);
    const doctor = weirIn(server, "doctor", ...place);
    assert.match(doctor.out, /ok +client-address/);
    const left = weirIn(server, "node", "leave", ...place);
    assert.match(left.out, /no program of ours at ingress of eth0/);
    assert.equal(ask(81), `a ${lan.locals[0]}`);
    assert.equal(existsSync(`/sys/fs/bpf/${place[3]}`), false);
  });

  test("what is wrong is said", async (t) => {
    const world = await build(t, "");
    const { server, place, lan } = world;
    joinFullnat(world);
    askFrom(lan.client, "tcp", VIP[4], 81, 10);
    const silent = weirIn(server, "doctor", ...place);
    assert.match(silent.out, /warning +client-address: 10 connections .* passClient: true/);
    const folder = `/sys/fs/bpf/${place[3]}/client`;
    rmSync(`${folder}/peer4`);
    rmSync(`${folder}/tcx/${lan.device}:ingress`);
    const { code, out } = weirIn(server, "doctor", ...place);
    assert.equal(code, 1);
    assert.match(out, /client-address: our program is not at eth0 any more/);
    assert.match(out, /client-address: nothing of ours is at the cgroup .* any more/);
    assert.match(weirIn(server, "node", "status", ...place).out, /not there/);
    const elsewhere = weirIn(server, "node", "join", "fullnat", "--from", "10.2.0.1", ...place);
    assert.equal(elsewhere.code, 0, elsewhere.err);
  });
});
