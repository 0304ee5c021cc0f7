import assert from "node:assert/strict";
import { LOCAL_4 } from "#kit/driver-harness.ts";
import { overDrivers } from "#kit/drivers.ts";

overDrivers("finishing, then closing", (test) => {
  test("does nothing to the connection that gets the handle next", (bench) => {
    const h = bench();
    const address = h.listen(0, LOCAL_4);
    const hello = h.put(Buffer.from("hello"));
    for (let n = 0; n < 60; n++) {
      const [client, server] = h.pair(address, 0);
      h.driver.finish(client);
      h.driver.finish(server);
      h.closeNow(client);
      h.closeNow(server);
      const [next, peer] = h.pair(address, 0);
      h.settle();
      h.driver.send(next, hello, 5, false);
      assert.equal(h.next("sent", next).result, 5, `round ${n}`);
      h.driver.send(peer, hello, 5, false);
      assert.equal(h.next("sent", peer).result, 5, `round ${n}`);
      h.closeNow(next);
      h.closeNow(peer);
    }
  });
});
