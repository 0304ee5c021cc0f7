import assert from "node:assert/strict";
import { get, plain, readAnswer, value, values } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";
import { FRONTEND_TOTALS } from "#plan/board.ts";

overProxies("rules", (proxyTest) => {
  proxyTest("deny and redirect keep the connection, also with a body", async (bench) => {
    const { server, client, proxy } = await bench.trio(
      ", rules: [{ when: { path: /no }, deny: 451 }, " +
        "{ when: { path: /old }, redirect: { to: /new, status: 308 } }, " +
        "{ when: { path: /tls }, redirect: { scheme: https, status: 301 } }]",
    );
    client.write(get("/no"));
    const denied = await readAnswer(client);
    assert.equal(denied.status, 451);
    assert.match(denied.body.toString(), /451/);
    client.write("POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    assert.equal((await readAnswer(client)).status, 451);
    client.write("HEAD /no HTTP/1.1\r\nHost: x\r\n\r\n");
    assert.equal((await readAnswer(client, true)).status, 451);
    client.write(get("/old?a=b"));
    const moved = await readAnswer(client);
    assert.equal(moved.status, 308);
    assert.match(value(moved, "location")!, /^\/new/);
    client.write(get("/tls?a=b"));
    assert.equal(value(await readAnswer(client), "location"), "https://example.test/tls?a=b");
    client.write(get("/yes"));
    (await server.request()).peer.write(plain("yes"));
    assert.equal((await readAnswer(client)).body.toString(), "yes");
    await proxy.quiet();
    assert.equal(proxy.board.totals[0]!.frontends[FRONTEND_TOTALS.DENIED], 3);
    assert.match(proxy.log()[0]!, / web web\/<NOSRV> 0\/-1\/-1\/-1\/0 451 \d+ - - PR-- /);
    assert.match(proxy.log()[3]!, / 308 \d+ - - LR-- /);
  });

  proxyTest("a denied upload ends the connection, the answer readable", async (bench) => {
    const { client } = await bench.trio(", rules: [{ deny: 403 }]");
    client.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    client.write(Buffer.alloc(50_000));
    const answer = await readAnswer(client);
    assert.equal(answer.status, 403);
    assert.equal(value(answer, "connection"), "close");
    assert.equal(await client.ending(), "end");
  });

  proxyTest("fields of requests: set, add, delete; also those we write", async (bench) => {
    const { server, client } = await bench.trio(
      ", rules: [{ setHeader: { X-Set: new, X-Forwarded-Proto: https, Host: inner.test } }, " +
        "{ addHeader: { X-Add: [one, two] } }, { deleteHeader: [X-Gone, X-Forwarded-For] }, " +
        "{ setHeader: { X-Set: newest } }]",
    );
    client.write(get("/", "X-Set: old\r\nx-set: older\r\nX-Gone: 1\r\nX-Add: zero\r\n"));
    const { head, peer } = await server.request();
    assert.deepEqual(head.split("\r\n").slice(1, -2).sort(), [
      "Host: inner.test",
      "X-Add: one",
      "X-Add: two",
      "X-Add: zero",
      "X-Forwarded-Proto: https",
      "X-Set: newest",
    ]);
    peer.write(plain(""));
    await readAnswer(client);
  });

  proxyTest("Host can be set for absolute form and HTTP/1.0 too", async (bench) => {
    for (const request of ["GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"]) {
      const { server, client } = await bench.trio(", rules: [{ setHeader: { Host: inner } }]");
      client.write(request);
      const { head, peer } = await server.request();
      assert.deepEqual(head.match(/^host:.*$/gim), ["Host: inner"]);
      peer.write(plain(""));
      await readAnswer(client);
    }
  });

  proxyTest("fields of answers, of this request only", async (bench) => {
    const { server, client, proxy } = await bench.trio(
      ", rules: [{ when: { path: /a }, setResponseHeader: { Server: weir }, " +
        "addResponseHeader: { X-Add: more }, deleteResponseHeader: [Set-Cookie] }]",
    );
    client.write(get("/a"));
    const { peer } = await server.request();
    const fields = "Server: s\r\nX-Add: own\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n";
    peer.write(plain("x", fields));
    const edited = await readAnswer(client);
    assert.deepEqual(values(edited, "server"), ["weir"]);
    assert.deepEqual(values(edited, "x-add"), ["own", "more"]);
    assert.deepEqual(values(edited, "set-cookie"), []);
    await proxy.quiet();
    client.write(get("/b"));
    await peer.head();
    peer.write(plain("x", fields));
    const plainly = await readAnswer(client);
    assert.deepEqual(values(plainly, "server"), ["s"]);
    assert.deepEqual(values(plainly, "set-cookie"), ["a=1", "b=2"]);
  });

  proxyTest("paths are rewritten, their query kept", async (bench) => {
    const { server, client, proxy } = await bench.trio(
      ", rules: [{ rewritePath: { prefix: { from: /api, to: /v2 } } }]",
      ", reuse: always",
    );
    client.write(get("/api/users?id=1"));
    const { head, peer } = await server.request();
    assert.match(head, /^GET \/v2\/users\?id=1 HTTP/);
    peer.write(plain(""));
    await readAnswer(client);
    for (const [path, seen] of [
      ["/api", "/v2"],
      ["/apix", "/apix"],
      ["/x/../api/y", "/v2/y"],
    ]) {
      await proxy.quiet();
      client.write(get(path));
      assert.equal((await peer.head()).split(" ")[1], seen);
      peer.write(plain(""));
      await readAnswer(client);
    }
    assert.match(proxy.log()[0]!, /"GET \/api\/users\?id=1 HTTP\/1.1"$/);
  });

  proxyTest(
    "requests go to backends by host, path, method, field, query and cookie",
    async (bench) => {
      const names = ["host", "path", "method", "header", "query", "cookie", "rest"];
      const servers = await Promise.all(names.map(() => bench.server()));
      const backends = names.map(
        (n, i) => `${n}: { servers: { s: "127.0.0.1:${servers[i]!.port}" } }`,
      );
      for (const [i, server] of servers.entries()) {
        server.serve(async (peer) => {
          for (;;) {
            await peer.head();
            peer.write(plain(names[i]!));
          }
        });
      }
      const rules = [
        "{ when: { host: h.test }, use: host }",
        "{ when: { pathPrefix: /path }, use: path }",
        "{ when: { method: [PUT, PATCH] }, use: method }",
        "{ when: { header: { name: X-Pick, value: me } }, use: header }",
        "{ when: { query: { name: pick, value: me } }, use: query }",
        "{ when: { cookie: { name: pick, value: me } }, use: cookie }",
      ];
      const proxy = bench.proxy(
        `frontends: { web: { bind: "127.0.0.1:0", default: rest, rules: [${rules}] } }\n` +
          `backends: { ${backends} }`,
      );
      const client = await bench.client(proxy);
      const table = [
        ["GET / HTTP/1.1\r\nHost: H.test:80\r\n\r\n", "host"],
        [get("/path/x"), "path"],
        [get("/pathx"), "rest"],
        ["PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "method"],
        [get("/", "x-pick: me\r\n"), "header"],
        [get("/?a=b&pick=me"), "query"],
        [get("/", "Cookie: a=b; pick=me\r\n"), "cookie"],
        [get("/", "Cookie: a=b; pick=you\r\n"), "rest"],
      ] as const;
      for (const [request, expected] of table) {
        client.write(request);
        assert.equal((await readAnswer(client)).body.toString(), expected);
      }
    },
  );

  proxyTest("without a backend: 503", async (bench) => {
    const proxy = bench.proxy(`frontends: { web: { bind: "127.0.0.1:0" } }`);
    const client = await bench.client(proxy);
    client.write(get());
    assert.equal((await readAnswer(client)).status, 503);
    assert.match(proxy.log()[0]!, / web web\/<NOSRV> .* 503 \d+ - - SC-- /);
  });

  proxyTest("pages of one's own", async (bench) => {
    const { client } = await bench.trio(
      `, rules: [{ deny: 404 }], errorPages: { 404: { type: text/plain, body: "lost ✓" } }`,
    );
    client.write(get());
    const answer = await readAnswer(client);
    assert.equal(value(answer, "content-type"), "text/plain");
    assert.equal(answer.body.toString("utf8"), "lost ✓");
    client.write("BAD\r\n\r\n");
    assert.match((await readAnswer(client)).body.toString(), /400 Bad Request/);
    await client.rest();
  });
});
