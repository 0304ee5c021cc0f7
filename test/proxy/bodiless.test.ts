import assert from "node:assert/strict";
import { get, plain, readAnswer, value } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";

overProxies("answers without a body", (proxyTest) => {
  const heads = [
    ["HEAD with a length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"],
    ["HEAD of a chunked page", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["HEAD without framing", "HEAD", "HTTP/1.1 200 OK\r\n\r\n"],
    ["204", "GET", "HTTP/1.1 204 No Content\r\n\r\n"],
    ["204 with a length of 0", "DELETE", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"],
    ["304 with the page's length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"],
    ["a length of 0", "GET", plain("")],
  ] as const;

  for (const [name, method, head] of heads) {
    proxyTest(`${name}: the next request goes over the same connections`, async (bench) => {
      const { server, client, proxy } = await bench.trio();
      client.write(`${method} / HTTP/1.1\r\nHost: x\r\n\r\n`);
      const { peer } = await server.request();
      peer.write(head);
      const answer = await readAnswer(client, method === "HEAD");
      assert.equal(answer.status, Number(head.slice(9, 12)));
      assert.equal(value(answer, "transfer-encoding"), undefined);
      if (method === "HEAD") {
        assert.equal(value(answer, "content-length"), /5000/.exec(head)?.[0]);
      }
      if (answer.status === 204) assert.equal(value(answer, "content-length"), undefined);
      await proxy.quiet();
      assert.equal(client.text, "");
      client.write(get("/next"));
      assert.match(await peer.head(), /^GET \/next /);
      peer.write(plain("next"));
      assert.equal((await readAnswer(client)).body.toString(), "next");
    });
  }
});
