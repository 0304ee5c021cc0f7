import assert from "node:assert/strict";
import { constants } from "node:os";
import { boundAddress } from "#io/sockets.ts";
import { openFds, withDescriptorLimit } from "#kit/descriptors.ts";
import { LOCAL_4 } from "#kit/driver-harness.ts";
import { overDrivers } from "#kit/drivers.ts";

const { EMFILE } = constants.errno;
const HELLO = Buffer.from("hello");

overDrivers("limits", (test) => {
  test("no handle is given beyond the limit of sockets", (bench) => {
    const h = bench({ sockets: 8 });
    assert.equal(h.driver.sockets, 8);
    const handles = Array.from({ length: 8 }, () => h.driver.open(2));
    assert.deepEqual(new Set(handles), new Set([0, 1, 2, 3, 4, 5, 6, 7]));
    assert.equal(h.driver.open(2), -EMFILE);
    h.closeNow(handles[3]!);
    assert.equal(h.driver.open(2), handles[3]);
  });

  test("a full table accepts again when a socket is closed, and says so once", (bench) => {
    const clients = bench();
    const h = bench({ sockets: 8 });
    const address = h.listen(0, LOCAL_4);
    for (let i = 0; i < 20; i++) clients.next("connected", clients.dial(address));
    const open: number[] = [];
    let refusals = 0;
    h.react = ({ kind, result }) => {
      if (kind !== "accepted") return;
      if (result >= 0) open.push(result);
      else refusals++;
      if (result < 0) assert.equal(result, -EMFILE);
    };
    h.until(() => open.length === 8 && refusals === 1, "8 accepted and a refusal");
    h.settle();
    assert.deepEqual([open.length, refusals], [8, 1]);
    // What is open goes on while others wait.
    h.sendNow(open[0]!, HELLO);
    for (let accepted = 8; accepted < 20; accepted++) {
      h.close(open.shift()!);
      h.until(() => open.length === 8, "the next one accepted");
    }
    assert.ok(refusals <= 13, `${refusals} refusals`);
  });

  test("a listener that is stopped and goes on again and again takes no more handles", (bench) => {
    const h = bench({ sockets: 64 });
    const fd = h.listenQuietly(LOCAL_4, 10);
    h.driver.listen(0, fd);
    for (let i = 0; i < 40; i++) {
      h.driver.unlisten(0);
      h.driver.listen(0, fd);
      if (i % 3 === 0) h.turn();
    }
    h.settle();
    h.pair(boundAddress(fd), 0);
    let free = 0;
    while (h.driver.open(2) >= 0) free++;
    // Two are the pair's; one in eight may wait for connections.
    assert.ok(free >= 64 - 2 - 8, `${free} free`);
  });

  test("running out of descriptors is survived: who waited is accepted later", (bench) => {
    const clients = bench();
    const h = bench();
    const address = h.listen(0, LOCAL_4);
    for (let i = 0; i < 20; i++) clients.next("connected", clients.dial(address));
    const accepted = () => h.calls.filter((c) => c.kind === "accepted" && c.result >= 0).length;
    withDescriptorLimit(openFds() + 3, () => {
      h.settle(60);
      // A driver whose sockets are no descriptors takes them all the same.
      if (accepted() < 20) assert.ok(h.calls.some((c) => c.result === -EMFILE));
      const opened = h.driver.open(2);
      if (opened >= 0) h.closeNow(opened);
    });
    h.until(() => accepted() === 20, "all 20 accepted");
  });

  test("four buffers serve forty receivers, one after the other", (bench) => {
    const h = bench({ buffers: 4 });
    const address = h.listen(0, LOCAL_4);
    const pairs = Array.from({ length: 40 }, () => h.pair(address, 0));
    for (const [client, server] of pairs) {
      h.sendNow(client, HELLO);
      h.driver.receive(server);
    }
    for (let served = 0; served < 40; served++) {
      h.driver.release(h.next("received").buffer);
    }
    assert.ok(h.driver.starved > 0);
    h.settle();
    assert.deepEqual(h.calls, []);
  });

  test("a socket that waits for a buffer can be closed, and another gets its turn", (bench) => {
    const h = bench({ buffers: 4 });
    const address = h.listen(0, LOCAL_4);
    const pairs = Array.from({ length: 12 }, () => h.pair(address, 0));
    for (const [client, server] of pairs) {
      h.sendNow(client, HELLO);
      h.driver.receive(server);
    }
    h.settle();
    const lucky = h.calls.filter((call) => call.kind === "received");
    assert.equal(lucky.length, 4);
    const waiting = pairs.map(([, server]) => server).filter((s) => h.about(s).length === 0);
    assert.equal(waiting.length, 8);
    // Half of them leave, one asks for its bytes elsewhere, and new ones take the handles.
    for (const server of waiting.slice(0, 4)) h.closeNow(server);
    const fresh = Array.from({ length: 4 }, () => h.pair(address, 0));
    for (const call of lucky) h.driver.release(call.buffer);
    h.calls.length = 0;
    for (const server of waiting.slice(4)) h.driver.release(h.next("received", server).buffer);
    for (const [client, server] of fresh) {
      h.sendNow(client, HELLO);
      h.driver.receive(server);
      h.driver.release(h.next("received", server).buffer);
    }
    h.settle();
    assert.deepEqual(h.calls, []);
  });
});
