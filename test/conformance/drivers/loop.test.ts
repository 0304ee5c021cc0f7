import assert from "node:assert/strict";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { signal } from "#io/eventfd.ts";
import { LOCAL_4 } from "#kit/driver-harness.ts";
import { overDrivers } from "#kit/drivers.ts";

overDrivers("loop", (test) => {
  test("a turn that must not wait returns at once, having done nothing", (bench) => {
    const h = bench();
    h.settle(5);
    assert.equal(h.turn(0), 0);
    assert.equal(h.turn(1), 0);
  });

  test("a turn waits for a fraction of a millisecond, or for as long as one likes", (bench) => {
    const h = bench();
    assert.equal(h.turn(0.25), 0);
    assert.equal(h.turn(1.75), 0);
    signal(h.driver.wakeFd);
    h.turn(Number.MAX_SAFE_INTEGER);
    h.next("woken");
  });

  test("a signal wakes: once for those that came together, again for a later one", (bench) => {
    const h = bench();
    for (let round = 0; round < 3; round++) {
      signal(h.driver.wakeFd);
      signal(h.driver.wakeFd);
      h.next("woken");
      h.settle(5);
      assert.deepEqual(h.calls, []);
    }
  });

  test("another thread wakes a turn that waits for ever", async (bench) => {
    const h = bench();
    const source = `
      const { workerData } = require("node:worker_threads");
      require("node:fs").writeSync(workerData, new BigUint64Array([1n]));
    `;
    const worker = new Worker(source, { eval: true, workerData: h.driver.wakeFd });
    const exited = once(worker, "exit");
    while (!h.calls.some((call) => call.kind === "woken")) h.turn(-1);
    await exited;
  });

  test("a turn does not wait while there are results to tell", (bench) => {
    const h = bench();
    const [client] = h.pair(h.listen(0, LOCAL_4), 0);
    h.close(client);
    // Would hang for ever if it waited for the kernel, which has nothing to say about it.
    while (!h.calls.some((call) => call.kind === "closed")) h.turn(-1);
  });

  test("system calls are counted", (bench) => {
    const h = bench();
    const before = h.driver.systemCalls;
    h.pair(h.listen(0, LOCAL_4), 0);
    assert.ok(h.driver.systemCalls > before);
  });

  test("drivers of one thread do not disturb each other", (bench) => {
    const one = bench();
    const two = bench();
    const address = one.listen(0, LOCAL_4);
    const client = two.dial(address);
    two.next("connected", client);
    const server = one.next("accepted", 0).result;
    two.sendNow(client, Buffer.from("x"));
    assert.equal(one.read(server, 1).toString(), "x");
  });
});
