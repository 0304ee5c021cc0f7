/**
 * The last two of the log's four termination characters: what became of persistence's cookie. Where
 * HAProxy is installed it is sent the same requests before the same servers, and must say the same.
 */
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { connectTo } from "#kit/peer.ts";
import { PEERS, type PeerProxy, startPeer, versionOf } from "#kit/peer-proxies.ts";
import { type Bench, overProxies } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";

/** A backend as we are told of it and as HAProxy is, and what it is asked. */
interface Scene {
  readonly weir: string;
  readonly haproxy: string;
  /** Which of the servers it has: `a` serves, `down` is down, `dead` is up and refuses. */
  readonly servers: readonly ("a" | "down" | "dead")[];
  readonly cookies: readonly string[];
}

const ALL = ["a", "down", "dead"] as const;
const COOKIES = ["", "x=1", "S=a", "S=b", "S=down", "S=", "S=b; S=a", "S=a; x=1", "S=a~1"];
/** Without values that are a server's whole name: HAProxy goes by them too, we ask for a `~`. */
const PREFIXED = [
  "",
  "x=1",
  "S=b",
  "S=",
  "S=a~1",
  "S=b~1",
  "S=down~1",
  "S=~1",
  "S=a~",
  "S=b; S=a~",
];
const MODES = [
  { weir: "mode: insert", haproxy: "insert indirect nocache", cookies: [...COOKIES, "S=dead"] },
  { weir: "mode: insert, indirect: false", haproxy: "insert nocache", cookies: COOKIES },
  { weir: "mode: prefix", haproxy: "prefix", cookies: [...PREFIXED, "S=dead~1"] },
  { weir: "mode: rewrite", haproxy: "rewrite", cookies: COOKIES },
];
const SCENES: readonly Scene[] = [
  ...MODES.map((mode) => ({ ...mode, servers: ALL })),
  ...MODES.map((mode) => ({ ...mode, servers: ["down"] as const })),
];

/** At `/set` the server's answer sets the cookie itself. */
const requestsOf = ({ cookies }: Scene): string[] =>
  ["/", "/set"].flatMap((path) =>
    cookies
      // HAProxy waits a second before it goes elsewhere: once is enough.
      .filter((cookie) => path === "/" || !cookie.includes("dead"))
      .map((cookie) => get(path, cookie && `Cookie: ${cookie}\r\n`)),
  );

const flagsOf = (line: string): string => / - - ([-A-Za-z]{4}) /.exec(line)![1]!;

/** Ports of a server that answers and of one that refuses. */
async function servers(bench: Bench): Promise<{ a: number; dead: number }> {
  const [good, dead] = [await bench.server(), await bench.server()];
  good.serve(async (peer) => {
    for (;;) {
      const set = (await peer.head()).startsWith("GET /set ");
      peer.write(plain("x", set ? "Set-Cookie: S=1; Path=/\r\n" : ""));
    }
  });
  const ports = { a: good.port, dead: dead.port };
  dead.refuse();
  return ports;
}

type Ports = Awaited<ReturnType<typeof servers>>;

function startOurs(bench: Bench, scene: Scene, { a, dead }: Ports): TestProxy {
  const list = scene.servers.map((name) => `${name}: "127.0.0.1:${name === "a" ? a : dead}"`);
  const proxy = bench.proxy(
    `frontends: { web: { bind: "127.0.0.1:0", default: web } }\n` +
      `backends: { web: { cookie: { name: S, ${scene.weir} }, servers: { ${list} } } }`,
  );
  // Nobody comes to these two but by a cookie.
  if (scene.servers.includes("down")) proxy.server("web", "down", { EFFECTIVE: 0 });
  if (scene.servers.includes("dead")) proxy.server("web", "dead", { EFFECTIVE: 0, STICKY: 1 });
  return proxy;
}

async function askAll(scene: Scene, port: number, after: () => Promise<unknown>): Promise<void> {
  for (const request of requestsOf(scene)) {
    const client = await connectTo(port);
    client.write(request);
    await readAnswer(client);
    await after();
    client.destroy();
  }
}

async function ours(bench: Bench, scene: Scene, ports: Ports): Promise<string[]> {
  const proxy = startOurs(bench, scene, ports);
  await askAll(scene, proxy.port, () => proxy.quiet());
  return proxy.log().map(flagsOf);
}

/** HAProxy with a frontend for each scene; its log goes to a UDP port. */
const haproxy = ({ a, dead }: Ports, logPort: number): PeerProxy => ({
  ...PEERS.find(({ name }) => name === "haproxy")!,
  configure: (pairs) => `
defaults
  mode http
  log 127.0.0.1:${logPort} format raw local0
  option httplog
  timeout client 30s
  timeout server 30s
  timeout connect 30s
  timeout queue 30s
  option redispatch 1
${pairs
  .map(([port], i) => {
    const { haproxy: mode, servers: names } = SCENES[i]!;
    const lines = {
      a: `server a 127.0.0.1:${a} cookie a`,
      down: `server down 127.0.0.1:${dead} cookie down disabled`,
      dead: `server dead 127.0.0.1:${dead} cookie dead weight 0`,
    };
    return `
frontend web${i}
  bind 127.0.0.1:${port}
  default_backend at${i}
backend at${i}
  cookie S ${mode}
  ${names.map((name) => lines[name]).join("\n  ")}
`;
  })
  .join("")}`,
});

async function listenForLog(): Promise<{ socket: Socket; lines: string[] }> {
  const socket = createSocket("udp4");
  const lines: string[] = [];
  // The connections that look whether it is there are logged too.
  socket.on("message", (bytes) => {
    if (!bytes.includes("<BADREQ>")) lines.push(bytes.toString("latin1"));
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { socket, lines };
}

async function theirs(t: TestContext, ports: Ports): Promise<string[][]> {
  const { socket, lines } = await listenForLog();
  try {
    const peer = haproxy(ports, socket.address().port);
    const at = await startPeer(
      t,
      peer,
      SCENES.map(() => ports.a),
    );
    const flags: string[][] = [];
    for (const [i, port] of at.entries()) {
      lines.length = 0;
      let wanted = 0;
      await askAll(SCENES[i]!, port, async () => {
        wanted++;
        while (lines.length < wanted) await once(socket, "message");
      });
      flags.push(lines.map(flagsOf));
    }
    return flags;
  } finally {
    socket.close();
    await once(socket, "close");
  }
}

/** As the manual has it, for those who have no HAProxy here. */
const SAID: readonly (readonly [backend: string, set: string, cookie: string, flags: string])[] = [
  ["mode: insert", "/", "", "NI"],
  ["mode: insert", "/set", "S=a", "VD"],
  ["mode: insert", "/", "S=down", "DI"],
  ["mode: insert", "/", "S=dead", "DI"],
  ["mode: insert", "/", "S=b", "II"],
  ["mode: rewrite", "/set", "S=a", "VR"],
  ["mode: rewrite", "/", "", "NN"],
  ["mode: prefix", "/set", "S=b~1", "IR"],
];

overProxies("what the log says of cookies", (proxyTest) => {
  proxyTest("what the client asked for and what it was given", async (bench) => {
    const ports = await servers(bench);
    for (const [weir, path, cookie, flags] of SAID) {
      const proxy = startOurs(bench, { weir, haproxy: "", servers: ALL, cookies: [] }, ports);
      const client = await bench.client(proxy);
      client.write(get(path, cookie && `Cookie: ${cookie}\r\n`));
      await readAnswer(client);
      await proxy.quiet();
      assert.deepEqual(proxy.log().map(flagsOf), [`--${flags}`], `${weir} ${path} ${cookie}`);
    }
  });

  proxyTest("nothing where there is no such cookie, or no backend yet", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    server.serve(async (peer) => void peer.write(plain("x", "Set-Cookie: S=1\r\n")));
    client.write(get("/", "Cookie: S=a\r\nConnection: close\r\n"));
    await client.rest();
    const other = await bench.client(proxy);
    other.write("BAD\r\n\r\n");
    await other.rest();
    await proxy.quiet();
    assert.deepEqual(proxy.log().map(flagsOf), ["----", "PR--"]);
  });

  proxyTest("as HAProxy says it", async (bench, t) => {
    const peer = PEERS.find(({ name }) => name === "haproxy")!;
    if (versionOf(peer) === undefined) return t.skip("haproxy is not installed");
    const ports = await servers(bench);
    const wanted = await theirs(t, ports);
    for (const [i, scene] of SCENES.entries()) {
      const requests = requestsOf(scene);
      const label = (flags: string, n: number): string => `${requests[n]} ${flags.slice(2)}`;
      const is = (await ours(bench, scene, ports)).map(label);
      assert.deepEqual(is, wanted[i]!.map(label), `${scene.haproxy} over ${scene.servers}`);
    }
  });
});
