import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";

overProxies("keep-alive", (proxyTest) => {
  proxyTest("requests one after another share one connection on either side", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(get("/1"));
    const peer = await server.connection();
    for (let n = 1; n <= 5; n++) {
      assert.match(await peer.head(), new RegExp(`^GET /${n} HTTP/1.1\r\n`));
      peer.write(plain(`answer ${n}`));
      const answer = await readAnswer(client);
      assert.equal(answer.body.toString(), `answer ${n}`);
      await proxy.quiet();
      if (n < 5) client.write(get(`/${n + 1}`));
    }
    assert.equal(server.accepted, 1);
  });
});
