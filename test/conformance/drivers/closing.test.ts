import assert from "node:assert/strict";
import { constants } from "node:os";
import { type Harness, LOCAL_4 } from "#kit/driver-harness.ts";
import { overDrivers } from "#kit/drivers.ts";

const { ECONNRESET, EPIPE } = constants.errno;
const HELLO = Buffer.from("hello");
const MUCH = 16 * 1024 * 1024;

function localPair(h: Harness): [number, number] {
  return h.pair(h.listen(0, LOCAL_4), 0);
}

overDrivers("closing", (test) => {
  test("close with requests under way brings closed() and nothing else", (bench) => {
    const h = bench();
    const address = h.listen(0, LOCAL_4);
    const at = h.area(MUCH);
    for (const reset of [false, true]) {
      for (const pooled of [false, true]) {
        const [client] = h.pair(address, 0);
        h.driver.send(client, at, MUCH, false);
        if (pooled) h.driver.receive(client);
        else h.driver.receiveInto(client, at, 100);
        h.settle();
        h.closeNow(client, reset);
      }
    }
    h.settle();
    assert.deepEqual(h.calls, []);
  });

  test("close in the turn the requests were made in brings closed() and nothing else", (bench) => {
    const h = bench();
    const [client, server] = localPair(h);
    h.sendNow(server, HELLO);
    h.driver.receive(client);
    h.driver.send(client, h.put(HELLO), 5, false);
    h.closeNow(client);
    const connecting = h.dial(h.listen(1, LOCAL_4));
    h.closeNow(connecting);
    h.settle();
    assert.deepEqual(
      h.calls.filter((call) => call.kind !== "accepted"),
      [],
    );
  });

  test("a socket closed from inside a call hears nothing of what had come for it", (bench) => {
    const h = bench();
    const address = h.listen(0, LOCAL_4);
    const pairs = Array.from({ length: 8 }, () => h.pair(address, 0));
    const servers = pairs.map(([, server]) => server);
    for (const [client] of pairs) h.sendNow(client, HELLO);
    for (const server of servers) h.driver.receive(server);
    // The first to hear closes all of them.
    h.react = ({ kind, buffer }) => {
      h.react = () => {};
      assert.equal(kind, "received");
      h.driver.release(buffer);
      for (const server of servers) h.close(server);
    };
    for (const server of servers) h.next("closed", server);
    assert.deepEqual(h.calls, []);
    // No buffer was lost with them: all can be had at once.
    const rest = Array.from({ length: 64 }, () => h.pair(address, 0));
    for (const [client, server] of rest) {
      h.sendNow(client, HELLO);
      h.driver.receive(server);
    }
    for (const [, server] of rest) assert.equal(h.next("received", server).result, 5);
    assert.equal(h.driver.starved, 0);
  });

  test("an orderly close ends the other side's stream after the last byte", (bench) => {
    const h = bench();
    const [client, server] = localPair(h);
    h.sendNow(client, HELLO);
    h.closeNow(client);
    assert.deepEqual(h.read(server, 100), HELLO);
  });

  test("a reset is an error to the other side's receive and send", (bench) => {
    const h = bench();
    const [client, server] = localPair(h);
    h.driver.receive(server);
    h.settle();
    h.closeNow(client, true);
    assert.equal(h.next("received", server).result, -ECONNRESET);
    h.driver.send(server, h.put(HELLO), 5, false);
    assert.equal(h.next("sent", server).result, -EPIPE);
  });

  test("a reset ends a send that waits for room", (bench) => {
    const h = bench();
    const [client, server] = localPair(h);
    h.driver.send(client, h.area(MUCH), MUCH, false);
    h.settle();
    h.closeNow(server, true);
    const { result } = h.next("sent", client);
    assert.ok(result === -ECONNRESET || result === -EPIPE, String(result));
  });

  test("sending to a side that is gone is an error, not a signal", (bench) => {
    const h = bench();
    for (const [listener, local] of [LOCAL_4, h.unixAddress()].entries()) {
      const [client, server] = h.pair(h.listen(listener, local), listener);
      h.closeNow(server);
      const at = h.put(HELLO);
      let result: number;
      do {
        h.driver.send(client, at, 5, false);
        result = h.next("sent", client).result;
      } while (result === 5);
      assert.ok(result === -EPIPE || result === -ECONNRESET, String(result));
    }
  });

  test("a socket that was never connected can be closed", (bench) => {
    const h = bench();
    const socket = h.driver.open(2);
    h.closeNow(socket);
    h.settle();
    assert.deepEqual(h.calls, []);
  });
});
