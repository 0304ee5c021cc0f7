import assert from "node:assert/strict";
import { constants } from "node:os";
import { AF_INET, AF_INET6, AF_UNIX } from "#io/driver.ts";
import { decodeSockaddr } from "#io/sockaddr.ts";
import { boundAddress, closeFd, listenOn, setNonBlocking } from "#io/sockets.ts";
import { LOCAL_4, LOCAL_6 } from "#kit/driver-harness.ts";
import { overDrivers } from "#kit/drivers.ts";

const { ECONNREFUSED, ENOENT } = constants.errno;
const HELLO = Buffer.from("hello");

overDrivers("connections", (test) => {
  test("IPv4, IPv6 and Unix sockets carry bytes both ways and know their peer", (bench) => {
    const h = bench();
    const kinds = [
      [LOCAL_4, AF_INET, "127.0.0.1"],
      [LOCAL_6, AF_INET6, "::1"],
      [h.unixAddress(), AF_UNIX, ""],
    ] as const;
    for (const [listener, [local, family, host]] of kinds.entries()) {
      const [client, server] = h.pair(h.listen(listener, local), listener);
      const peer = decodeSockaddr(h.driver.memory, h.driver.peerAt(server));
      assert.equal(peer.family, family);
      assert.equal(peer.host, host);
      assert.equal(peer.port > 0, family !== AF_UNIX);
      h.sendNow(client, HELLO);
      assert.deepEqual(h.read(server, 5), HELLO);
      h.sendNow(server, HELLO);
      assert.deepEqual(h.read(client, 5), HELLO);
    }
  });

  test("a refused connection is a negative errno, and the socket is still to be closed", (bench) => {
    const h = bench();
    const fd = h.listenQuietly(LOCAL_4, 1);
    const gone = boundAddress(fd);
    closeFd(fd);
    const socket = h.dial(gone);
    assert.equal(h.next("connected", socket).result, -ECONNREFUSED);
    h.closeNow(socket);
    const nowhere = h.dial(h.unixAddress());
    assert.equal(h.next("connected", nowhere).result, -ENOENT);
    h.closeNow(nowhere);
  });

  test("a connect nobody answers ends with close(), without connected()", (bench) => {
    const h = bench();
    // A listener nobody accepts from: when its queue is full, the kernel drops what comes.
    const full = boundAddress(h.listenQuietly(LOCAL_4, 0));
    const sockets = [1, 2, 3, 4].map(() => h.dial(full));
    h.settle();
    const hanging = sockets.filter((s) => h.about(s).length === 0);
    assert.ok(hanging.length > 0);
    for (const socket of hanging) h.closeNow(socket);
    h.settle();
    for (const socket of hanging) assert.deepEqual(h.about(socket), []);
  });

  test("listeners are told apart, and one that was taken away accepts no more", (bench) => {
    const h = bench();
    const fd = h.listenQuietly(LOCAL_4, 100);
    h.driver.listen(1023, fd);
    const other = h.listen(7, LOCAL_4);
    h.pair(boundAddress(fd), 1023);
    h.pair(other, 7);
    h.driver.unlisten(1023);
    h.settle();
    const waiting = h.dial(boundAddress(fd));
    assert.equal(h.next("connected", waiting).result, 0);
    h.pair(other, 7);
    h.settle();
    assert.deepEqual(h.calls, []);
    h.driver.listen(0, fd);
    assert.ok(h.next("accepted", 0).result >= 0);
  });

  test("a listener taken away and closed at once is refused from then on", (bench) => {
    const h = bench();
    const fd = listenOn(LOCAL_4);
    const address = boundAddress(fd);
    h.driver.listen(0, fd);
    h.settle();
    h.driver.unlisten(0);
    closeFd(fd);
    h.settle();
    assert.equal(h.next("connected", h.dial(address)).result, -ECONNREFUSED);
  });

  test("a listening descriptor may be blocking or not when it comes", (bench) => {
    const h = bench();
    for (const [listener, on] of [false, true].entries()) {
      const fd = h.listenQuietly(LOCAL_4, 10);
      setNonBlocking(fd, on);
      h.driver.listen(listener, fd);
      h.pair(boundAddress(fd), listener);
      h.settle();
      h.pair(boundAddress(fd), listener);
      assert.deepEqual(h.calls, []);
    }
  });

  test("drivers share a listener: each connection goes to one of them", (bench) => {
    const clients = bench();
    const sharers = [bench(), bench()];
    const fd = clients.listenQuietly(LOCAL_4, 100);
    for (const sharer of sharers) sharer.driver.listen(0, fd);
    for (let i = 0; i < 50; i++) {
      clients.next("connected", clients.dial(boundAddress(fd)));
      for (const sharer of sharers) sharer.turn();
    }
    const count = () => sharers[0]!.calls.length + sharers[1]!.calls.length;
    for (let turns = 0; count() < 50; turns++) {
      assert.ok(turns < 1000, `${count()} of 50 accepted`);
      for (const sharer of sharers) sharer.turn(1);
    }
    for (const sharer of sharers) sharer.settle();
    assert.equal(count(), 50);
    for (const { calls } of sharers) for (const { result } of calls) assert.ok(result >= 0);
  });

  test("who leaves a shared listener takes what only it was woken for", (bench) => {
    const clients = bench();
    const [leaver, stayer] = [bench(), bench()];
    for (let round = 0; round < 5; round++) {
      const fd = clients.listenQuietly(LOCAL_4, 100);
      // The kernel wakes them in this order.
      for (const h of [leaver, stayer]) {
        h.driver.listen(round, fd);
        h.settle();
      }
      const dialled = Array.from({ length: round * 12 }, () => clients.dial(boundAddress(fd)));
      for (const socket of dialled) clients.next("connected", socket);
      leaver.driver.leave(round);
      const accepted = (h: typeof leaver) => h.calls.filter((c) => c.kind === "accepted").length;
      const count = () => accepted(leaver) + accepted(stayer);
      for (let turns = 0; count() < dialled.length; turns++) {
        assert.ok(turns < 100, `${count()} of ${dialled.length} accepted`);
        for (const h of [leaver, stayer]) h.turn(1);
      }
      stayer.driver.unlisten(round);
      for (const h of [leaver, stayer]) {
        h.settle();
        for (const { result } of h.calls.splice(0)) h.closeNow(result);
      }
    }
  });

  test("a storm of connections is accepted, each once", (bench) => {
    const h = bench();
    const address = h.listen(0, LOCAL_4);
    const clients = Array.from({ length: 200 }, () => h.dial(address));
    for (const client of clients) assert.equal(h.next("connected", client).result, 0);
    const servers = clients.map(() => h.next("accepted", 0).result);
    assert.equal(new Set([...clients, ...servers]).size, 400);
    h.settle();
    assert.deepEqual(h.calls, []);
  });

  test("a handle may be had again as soon as closed() came", (bench) => {
    const h = bench({ sockets: 40 });
    const address = h.listen(0, LOCAL_4);
    for (let round = 0; round < 100; round++) {
      const [client, server] = h.pair(address, 0);
      h.driver.receive(server);
      h.sendNow(client, HELLO);
      h.driver.release(h.next("received", server).buffer);
      h.close(client, round % 2 === 0);
      h.close(server);
      h.next("closed", client);
      h.next("closed", server);
      assert.deepEqual(h.calls, []);
    }
  });
});
