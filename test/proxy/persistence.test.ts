import assert from "node:assert/strict";
import { get, plain, readAnswer, value, values } from "#kit/answer.ts";
import type { Peer } from "#kit/peer.ts";
import { type Bench, overProxies } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";
import type { RawServer } from "#kit/raw-server.ts";

interface Scene {
  readonly proxy: TestProxy;
  readonly servers: readonly RawServer[];
  readonly client: Peer;
  /** Heads that reached the servers, in order. */
  readonly heads: string[];
}

/** Two servers that answer with their name and these fields. */
async function scene(bench: Bench, cookie: string, fields = "", more = ""): Promise<Scene> {
  const heads: string[] = [];
  const servers = [await bench.server(), await bench.server()];
  for (const [i, server] of servers.entries()) {
    server.serve(async (peer) => {
      for (;;) {
        heads.push(await peer.head());
        peer.write(plain("ab"[i]!, fields));
      }
    });
  }
  const proxy = bench.simple(servers, "", `, cookie: { ${cookie} }${more}`);
  return { proxy, servers, client: await bench.client(proxy), heads };
}

const ask = async (client: Peer, cookie = "") => {
  client.write(get("/", cookie && `Cookie: ${cookie}\r\n`));
  return readAnswer(client);
};

overProxies("persistence by cookie", (proxyTest) => {
  proxyTest("insert: given once, obeyed, kept from servers", async (bench) => {
    const { client, heads } = await scene(bench, "name: srv", "Set-Cookie: app=1; Path=/\r\n");
    const first = await ask(client);
    const name = first.body.toString();
    assert.deepEqual(values(first, "set-cookie"), [
      "app=1; Path=/",
      `srv=${name}; Path=/; HttpOnly`,
    ]);
    assert.equal(value(first, "cache-control"), "private");
    for (let n = 0; n < 4; n++) {
      const again = await ask(client, `x=1; srv=${name}; y=2`);
      assert.equal(again.body.toString(), name);
      assert.deepEqual(values(again, "set-cookie"), ["app=1; Path=/"]);
      assert.match(heads.at(-1)!, /Cookie: x=1; y=2\r\n/);
    }
    await ask(client, `srv=${name}`);
    assert.doesNotMatch(heads.at(-1)!, /cookie/i);
  });

  proxyTest("insert: an unknown or down server's cookie is replaced", async (bench) => {
    const { client, proxy } = await scene(bench, "name: srv");
    assert.match(values(await ask(client, "srv=nobody"), "set-cookie")[0]!, /^srv=[ab];/);
    proxy.server("web", "a", { EFFECTIVE: 0 });
    const moved = await ask(client, "srv=a");
    assert.equal(moved.body.toString(), "b");
    assert.match(values(moved, "set-cookie")[0]!, /^srv=b;/);
  });

  proxyTest("a draining server still gets those who belong to it", async (bench) => {
    const { client, proxy } = await scene(bench, "name: srv");
    proxy.server("web", "a", { EFFECTIVE: 0, STICKY: 1 });
    assert.equal((await ask(client, "srv=a")).body.toString(), "a");
    for (let n = 0; n < 3; n++) assert.equal((await ask(client)).body.toString(), "b");
  });

  proxyTest("without redispatch nobody else will do", async (bench) => {
    const { client, proxy } = await scene(bench, "name: srv", "", ", redispatch: false");
    proxy.server("web", "a", { EFFECTIVE: 0 });
    assert.equal((await ask(client, "srv=a")).status, 503);
    assert.equal((await ask(client, "srv=b")).status, 200);
  });

  proxyTest("insert, not indirect: the server sees it", async (bench) => {
    const { client, heads } = await scene(bench, "name: srv, indirect: false");
    await ask(client, "srv=a; x=1");
    assert.match(heads.at(-1)!, /Cookie: srv=a; x=1\r\n/);
  });

  proxyTest("insert: the server's own cookie of that name never gets out", async (bench) => {
    const fields = "Set-Cookie: srv=stolen\r\nset-cookie: other=1\r\n";
    const { client } = await scene(bench, "name: srv", fields);
    const answer = await ask(client);
    const name = answer.body.toString();
    assert.deepEqual(values(answer, "set-cookie"), ["other=1", `srv=${name}; Path=/; HttpOnly`]);
    assert.deepEqual(values(await ask(client, `srv=${name}`), "set-cookie"), ["other=1"]);
  });

  proxyTest("rewrite: the application's cookie carries the server", async (bench) => {
    const fields = "Set-Cookie: SID=xyz; Path=/; Secure\r\n";
    const { client, heads } = await scene(bench, "name: SID, mode: rewrite", fields);
    const first = await ask(client);
    const name = first.body.toString();
    assert.deepEqual(values(first, "set-cookie"), [`SID=${name}; Path=/; Secure`]);
    for (let n = 0; n < 3; n++) {
      assert.equal((await ask(client, `SID=${name}`)).body.toString(), name);
      assert.match(heads.at(-1)!, new RegExp(`Cookie: SID=${name}\r\n`));
    }
  });

  proxyTest("prefix: the server stands before the application's value", async (bench) => {
    const fields = "Set-Cookie: SID=xyz; Path=/\r\n";
    const { client, heads } = await scene(bench, "name: SID, mode: prefix", fields);
    const first = await ask(client);
    const name = first.body.toString();
    assert.deepEqual(values(first, "set-cookie"), [`SID=${name}~xyz; Path=/`]);
    for (let n = 0; n < 3; n++) {
      assert.equal((await ask(client, `SID=${name}~xyz; a=b`)).body.toString(), name);
      assert.match(heads.at(-1)!, /Cookie: SID=xyz; a=b\r\n/);
    }
  });

  proxyTest("all attributes", async (bench) => {
    const { client } = await scene(
      bench,
      "name: s, secure: true, sameSite: strict, domain: x.test, path: /p, maxAge: 1h, httpOnly: false",
    );
    assert.match(
      values(await ask(client), "set-cookie")[0]!,
      /^s=[ab]; Path=\/p; Domain=x.test; Secure; SameSite=Strict; Max-Age=3600$/,
    );
  });

  proxyTest("a full server's own clients wait for it, others go on", async (bench) => {
    const servers = [await bench.server(), await bench.server()];
    const limited = servers.map(
      (s, i) => `${"ab"[i]}: { address: "127.0.0.1:${s.port}", maxConnections: 1 }`,
    );
    const proxy = bench.proxy(
      `frontends: { web: { bind: "127.0.0.1:0", default: web } }\n` +
        `backends: { web: { cookie: { name: srv }, servers: { ${limited} } } }`,
    );
    const busy = await bench.client(proxy);
    busy.write(get("/", "Cookie: srv=a\r\n"));
    const { peer } = await servers[0]!.request();
    const stuck = await bench.client(proxy);
    stuck.write(get("/stuck", "Cookie: srv=a\r\n"));
    await proxy.quiet();
    assert.equal(proxy.cell("web", "a", "QUEUED"), 1);
    const free = await bench.client(proxy);
    free.write(get("/free"));
    const other = await servers[1]!.request();
    assert.match(other.head, /^GET \/free /);
    other.peer.write(plain("b"));
    assert.equal((await readAnswer(free)).body.toString(), "b");
    peer.write(plain("a"));
    await readAnswer(busy);
    await proxy.quiet();
    const next = peer.text === "" ? (await servers[0]!.request()).head : await peer.head();
    assert.match(next, /^GET \/stuck /);
    servers[0]!.serve(async () => {});
    proxy.server("web", "a", { MAX_CONNECTIONS: 1 });
  });

  proxyTest("an answer of a server that a reload removed goes as it is", async (bench) => {
    const { proxy, servers } = await scene(bench, "name: SID, mode: prefix");
    const slow = await bench.server();
    const all = (ports: number[]): string =>
      `frontends: { web: { bind: "127.0.0.1:0", default: web } }\n` +
      `backends: { web: { cookie: { name: SID, mode: prefix }, servers: { ${ports.map((p, i) => `${"abc"[i]}: "127.0.0.1:${p}"`)} } } }`;
    await proxy.reload(all([...servers.map((s) => s.port), slow.port]));
    const client = await bench.client(proxy);
    client.write(get("/", "Cookie: SID=c~1\r\n"));
    const { peer } = await slow.request();
    await proxy.reload(all(servers.map((s) => s.port)));
    peer.write(plain("c", "Set-Cookie: SID=2\r\n"));
    assert.deepEqual(values(await readAnswer(client), "set-cookie"), ["SID=2"]);
  });
});
