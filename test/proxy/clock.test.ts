import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";

const HOUR = 3_600_000;

/** Steps of the calendar: an hour on for summer, ten years back where a battery was empty. */
const STEPS = [HOUR, -HOUR, 3000, -87_600 * HOUR];

overProxies("the calendar is set anew", (proxyTest) => {
  proxyTest("requests under way go on, and the log tells the new time", async (bench) => {
    const { proxy, server, client } = await bench.trio(
      ", timeouts: { client: 30s, keepAlive: 30s }",
      ", timeouts: { server: 30s }",
    );
    server.serve(async (peer) => {
      for (;;) {
        await peer.head();
        peer.write(plain("good"));
      }
    });
    let wall = proxy.clock.wallMs();
    for (const step of STEPS) {
      client.write(get());
      proxy.clock.stepWall(step);
      assert.equal((await readAnswer(client)).body.toString(), "good");
      // From the next look at the calendar on it is the new one, for whatever begins then.
      await proxy.advance(100);
      wall += step + 100;
      client.write(get());
      assert.equal((await readAnswer(client)).body.toString(), "good");
      await proxy.quiet();
      const line = proxy.log().at(-1)!;
      const [, day, month, year, hour] = /\[(\d+)\/(\w+)\/(\d+):(\d+):/.exec(line)!;
      const read = new Date(`${day} ${month} ${year} ${hour}:00 UTC`).getTime();
      assert.equal(read, Math.floor(wall / HOUR) * HOUR, line);
    }
  });

  proxyTest("nobody is cut off early or late", async (bench) => {
    for (const step of STEPS) {
      const { proxy, client } = await bench.trio(", timeouts: { request: 10s }");
      client.write("GET / HT");
      await proxy.advance(9_000);
      proxy.clock.stepWall(step);
      await proxy.advance(500);
      assert.equal(client.ended, false, "time is left");
      await proxy.advance(1_000);
      assert.equal((await readAnswer(client)).status, 408);
    }
  });
});
