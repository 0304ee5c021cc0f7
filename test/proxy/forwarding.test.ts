import assert from "node:assert/strict";
import { plain, readAnswer, values } from "#kit/answer.ts";
import { type Bench, overProxies } from "#kit/proxies.ts";

/** What the server gets for a request, without the empty line at its end. */
async function sent(bench: Bench, forwarded: string, request: string): Promise<string[]> {
  const { server, client } = await bench.trio(forwarded && `, forwarded: { ${forwarded} }`);
  client.write(request);
  const { head, peer } = await server.request();
  peer.write("HTTP/1.1 204 No Content\r\n\r\n");
  await readAnswer(client);
  return head.split("\r\n").slice(0, -2);
}

const ask = (fields = ""): string => `GET /p?q HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`;
const TRUSTED = "trusted: [127.0.0.0/8]";

overProxies("what servers are told", (proxyTest) => {
  proxyTest("the client's address and the scheme, and nothing else unasked", async (bench) => {
    assert.deepEqual((await sent(bench, "", ask("Accept: */*\r\nUser-Agent: t\r\n"))).sort(), [
      "Accept: */*",
      "GET /p?q HTTP/1.1",
      "Host: a.test",
      "User-Agent: t",
      "X-Forwarded-For: 127.0.0.1",
      "X-Forwarded-Proto: http",
    ]);
  });

  proxyTest("nothing when all of it is off", async (bench) => {
    const off = "xForwardedFor: false, xForwardedProto: false";
    assert.deepEqual(await sent(bench, off, ask()), ["GET /p?q HTTP/1.1", "Host: a.test"]);
  });

  proxyTest("everything when all of it is on", async (bench) => {
    const on = "xForwardedHost: true, forwarded: true, via: edge-1";
    assert.deepEqual((await sent(bench, on, ask())).sort(), [
      "Forwarded: for=127.0.0.1;proto=http",
      "GET /p?q HTTP/1.1",
      "Host: a.test",
      "Via: 1.1 edge-1",
      "X-Forwarded-For: 127.0.0.1",
      "X-Forwarded-Host: a.test",
      "X-Forwarded-Proto: http",
    ]);
  });

  const forged =
    "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\nX-Forwarded-Proto: https\r\n" +
    "X-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Prefix: /evil\r\n" +
    "X-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nVia: 1.1 there\r\nX_Forwarded_For: 8.8.8.8\r\n";

  proxyTest("what a stranger says of its origin is replaced", async (bench) => {
    const on = "xForwardedHost: true, forwarded: true, via: edge-1";
    assert.deepEqual((await sent(bench, on, ask(forged))).sort(), [
      "Forwarded: for=127.0.0.1;proto=http",
      "GET /p?q HTTP/1.1",
      "Host: a.test",
      "Via: 1.1 there, 1.1 edge-1",
      "X-Forwarded-For: 127.0.0.1",
      "X-Forwarded-Host: a.test",
      "X-Forwarded-Proto: http",
    ]);
    const few = await sent(bench, "xForwardedFor: false, xForwardedProto: false", ask(forged));
    assert.deepEqual(few.sort(), ["GET /p?q HTTP/1.1", "Host: a.test", "Via: 1.1 there"]);
  });

  proxyTest("what a trusted proxy says is kept and added to", async (bench) => {
    const on = `${TRUSTED}, xForwardedHost: true, forwarded: true, via: edge-1`;
    const lines = (await sent(bench, on, ask(forged))).sort();
    assert.deepEqual(lines, [
      "Forwarded: for=6.6.6.6, for=127.0.0.1;proto=http",
      "GET /p?q HTTP/1.1",
      "Host: a.test",
      "Via: 1.1 there, 1.1 edge-1",
      "X-Forwarded-For: 6.6.6.6, 7.7.7.7, 127.0.0.1",
      "X-Forwarded-Host: evil",
      "X-Forwarded-Port: 1",
      "X-Forwarded-Prefix: /evil",
      "X-Forwarded-Proto: https",
      "X-Real-IP: 6.6.6.6",
    ]);
  });

  proxyTest("an IPv6 client, in brackets where the standard wants them", async (bench) => {
    const server = await bench.server();
    const proxy = bench.proxy(
      `frontends: { web: { bind: "[::1]:0", default: web, forwarded: { forwarded: true } } }\n` +
        `backends: { web: { servers: { a: "127.0.0.1:${server.port}" } } }`,
    );
    const client = await bench.client(proxy, proxy.port, "::1");
    client.write(ask());
    const { head, peer } = await server.request();
    assert.match(head, /X-Forwarded-For: ::1\r\n/);
    assert.match(head, /Forwarded: for="\[::1\]";proto=http\r\n/);
    peer.write(plain(""));
    await readAnswer(client);
  });

  proxyTest("what belongs to one connection stays there", async (bench) => {
    const fields =
      "Connection: keep-alive, X-Hop, TE\r\nKeep-Alive: 5\r\nX-Hop: 1\r\nx-hop: 2\r\nTE: trailers\r\n" +
      "Proxy-Connection: x\r\nProxy-Authorization: Basic x\r\nTrailer: A\r\nUpgrade: y\r\nX-Stays: 1\r\n";
    const lines = (await sent(bench, "", ask(fields))).sort();
    assert.deepEqual(
      lines.filter((line) => !/^X-Forwarded/.test(line)),
      ["GET /p?q HTTP/1.1", "Host: a.test", "X-Stays: 1"],
    );
  });

  proxyTest("the same of answers, both ways Via", async (bench) => {
    const { server, client } = await bench.trio(", forwarded: { via: edge-1 }");
    client.write(ask());
    const { peer } = await server.request();
    peer.write(
      "HTTP/1.1 200 Fine Indeed\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 3\r\nVia: 1.0 far\r\n" +
        "Proxy-Connection: a\r\nContent-Length: 2\r\nX-Stays: yes\r\nUpgrade: h3\r\n\r\nok",
    );
    const answer = await readAnswer(client);
    assert.match(answer.head, /^HTTP\/1\.1 200 Fine Indeed\r\n/);
    assert.deepEqual(answer.fields.map(([name, text]) => `${name}: ${text}`).sort(), [
      "Content-Length: 2",
      "Via: 1.0 far, 1.1 edge-1",
      "X-Stays: yes",
    ]);
    assert.deepEqual(values(answer, "x-hop"), []);
  });

  proxyTest("a field of everybody named in Connection is refused", async (bench) => {
    for (const name of ["Host", "Content-Length", "Cookie", "X-Forwarded-For", "Authorization"]) {
      const { client } = await bench.trio();
      client.write(ask(`Connection: close, ${name}\r\nCookie: a=b\r\n`));
      assert.equal((await readAnswer(client)).status, 400, name);
      await client.rest();
    }
  });

  proxyTest("the longest name in Via fits", async (bench) => {
    const via = "v".repeat(256);
    const { server, client } = await bench.trio(`, forwarded: { via: ${via}, forwarded: true }`);
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const { head, peer } = await server.request();
    assert.match(head, new RegExp(`Via: 1.1 ${via}\r\n`));
    peer.write("HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 O\r\nContent-Length: 0\r\n\r\n");
    assert.match((await readAnswer(client)).head, new RegExp(`Via: 1.1 ${via}\r\n`));
    assert.match((await readAnswer(client)).head, new RegExp(`Via: 1.1 ${via}\r\n`));
  });
});
