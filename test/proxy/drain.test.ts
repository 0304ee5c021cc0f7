import assert from "node:assert/strict";
import { get, plain, readAnswer, value } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";

overProxies("draining", (proxyTest) => {
  proxyTest("idle clients are closed, running requests end, then all is over", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    peer.write(plain("1"));
    await readAnswer(client);
    const busy = await bench.client(proxy);
    busy.write(get("/busy"));
    await peer.head();
    const fresh = await bench.client(proxy);
    await proxy.quiet();
    proxy.loop.handle({ type: "drain", withinMs: 60_000 });
    await proxy.advance(300);
    assert.equal(await client.ending(), "end");
    assert.equal(proxy.loop.ended, false);
    peer.write(plain("done"));
    const answer = await readAnswer(busy);
    assert.equal(answer.body.toString(), "done");
    assert.equal(value(answer, "connection"), "close");
    busy.end();
    fresh.write(get("/fresh"));
    (await server.request()).peer.write(plain("served"));
    const last = await readAnswer(fresh);
    assert.equal(value(last, "connection"), "close");
    fresh.end();
    await proxy.over();
    assert.equal(proxy.loop.ended, true);
    assert.deepEqual(proxy.messages.at(-1), { type: "drained", cut: 0 });
  });

  proxyTest("what is still there when the time is over is cut", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(get());
    await server.request();
    proxy.loop.handle({ type: "drain", withinMs: 5_000 });
    await proxy.advance(4_900);
    assert.equal(proxy.loop.ended, false);
    await proxy.advance(200);
    await proxy.over();
    assert.equal(proxy.loop.ended, true);
    assert.deepEqual(proxy.messages.at(-1), { type: "drained", cut: 1 });
    await client.ending();
  });

  proxyTest("connections that wait to be accepted are still served", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    server.serve(async (peer) => {
      await peer.head();
      peer.write(plain("served"));
    });
    proxy.loop.handle({ type: "drain", withinMs: 60_000 });
    client.write(get());
    assert.equal((await readAnswer(client)).body.toString(), "served");
    client.end();
    await proxy.over();
    assert.equal(proxy.loop.ended, true);
  });

  proxyTest("requests sent ahead are not begun", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(get("/1") + get("/2"));
    const { peer } = await server.request();
    await proxy.quiet();
    proxy.loop.handle({ type: "drain", withinMs: 60_000 });
    await proxy.quiet();
    peer.write(plain("1"));
    assert.equal(value(await readAnswer(client), "connection"), "close");
    assert.equal((await client.rest()).length, 0);
    assert.equal(server.accepted, 1);
  });
});
