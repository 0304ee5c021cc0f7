import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";
import { FRONTEND } from "#plan/board.ts";

overProxies("operators' words on a frontend", (proxyTest) => {
  proxyTest("while paused, connections wait in the kernel's queue", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    const row = proxy.plan.frontends[0]!.slot * FRONTEND.size;
    server.serve(async (peer) => {
      for (;;) {
        await peer.head();
        peer.write(plain("here"));
      }
    });
    proxy.board.frontends[row + FRONTEND.STATE] = 1;
    await proxy.advance(100);
    client.write(get("/old"));
    assert.equal((await readAnswer(client)).status, 200);
    const late = await bench.client(proxy);
    late.write(get("/late"));
    await proxy.advance(100);
    assert.equal(late.text, "");
    assert.equal(proxy.board.frontends[row + FRONTEND.CONNECTIONS], 1);
    proxy.board.frontends[row + FRONTEND.STATE] = 0;
    await proxy.advance(100);
    assert.equal((await readAnswer(late)).status, 200);
  });

  proxyTest("a changed limit of connections holds for those who come", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    const row = proxy.plan.frontends[0]!.slot * FRONTEND.size;
    await proxy.quiet();
    proxy.board.frontends[row + FRONTEND.MAX_CONNECTIONS] = 1;
    const late = await bench.client(proxy);
    late.write(get());
    await proxy.advance(100);
    assert.equal(late.ended, false);
    assert.equal(client.ended, false);
    assert.equal(proxy.board.frontends[row + FRONTEND.CONNECTIONS], 1);
    proxy.board.frontends[row + FRONTEND.MAX_CONNECTIONS] = 2;
    await proxy.advance(100);
    (await server.request()).peer.write(plain("in"));
    assert.equal((await readAnswer(late)).body.toString(), "in");
  });
});
