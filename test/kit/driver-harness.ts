import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "#base/address.ts";
import type { Driver } from "#io/driver.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "#io/driver.ts";
import { encodeSockaddr } from "#io/sockaddr.ts";
import { boundAddress, closeFd, listenOn } from "#io/sockets.ts";
import type { Sink } from "#io/transport.ts";

type Kind = "accepted" | "connected" | "received" | "sent" | "spliced" | "closed" | "woken";

/** One call of the sink. `id` is the socket, or the listener of `accepted`. */
export interface Call {
  readonly kind: Kind;
  readonly id: number;
  readonly result: number;
  readonly at: number;
  readonly buffer: number;
}

/** Loopback with a port of the kernel's choice. */
export const LOCAL_4: Address = { kind: "inet", host: "127.0.0.1", port: 0 };
export const LOCAL_6: Address = { kind: "inet", host: "::1", port: 0 };

/** Turns in which nothing happens until a test is given up, and how long each may wait. */
const IDLE_TURNS = 100;
const TURN_MS = 50;
const PAGE_BYTES = 131_072;

/**
 * A driver and a sink that writes down every call of it, for tests that read like a dialogue: ask,
 * then `next(kind, socket)` pumps turns until that call comes. Everything runs in the test's own
 * thread. It also watches what must hold always: the sink is called from turn() only, never nested,
 * and never about a socket that was closed.
 */
export class Harness implements Sink {
  readonly driver: Driver;
  /** Calls nobody has taken by next() yet, oldest first. */
  readonly calls: Call[] = [];
  /** Runs inside each call, after it was written down: what a proxy would do. */
  react: (call: Call) => void = () => {};
  readonly #listeners: number[] = [];
  readonly #closing = new Set<number>();
  #directory: string | undefined;
  #ended = false;
  #turning = false;
  #calling = false;
  #failure: unknown;

  constructor(driver: Driver) {
    this.driver = driver;
  }

  accepted(listener: number, socket: number): void {
    this.#note("accepted", listener, socket);
  }

  connected(socket: number, result: number): void {
    this.#note("connected", socket, result);
  }

  received(socket: number, result: number, at: number, buffer: number): void {
    this.#note("received", socket, result, at, buffer);
  }

  sent(socket: number, result: number): void {
    this.#note("sent", socket, result);
  }

  spliced(from: number, result: number): void {
    this.#note("spliced", from, result);
  }

  closed(socket: number): void {
    this.#note("closed", socket, 0);
  }

  woken(): void {
    this.#note("woken", -1, 0);
  }

  #note(kind: Kind, id: number, result: number, at = -1, buffer = -1): void {
    try {
      assert.ok(this.#turning, `${kind} outside turn()`);
      assert.ok(!this.#calling, `${kind} inside another call`);
      if (kind === "closed") assert.ok(this.#closing.delete(id), `closed(${id}) unasked`);
      else if (kind !== "accepted" && kind !== "woken") {
        assert.ok(!this.#closing.has(id), `${kind}(${id}, ${result}) after close`);
      }
      this.#calling = true;
      const call: Call = { kind, id, result, at, buffer };
      this.calls.push(call);
      this.react(call);
    } catch (error) {
      // A sink must not throw: the test fails when the turn is over.
      this.#failure ??= error;
    } finally {
      this.#calling = false;
    }
  }

  /** One turn. Returns what the driver did, and throws what a call found wrong. */
  turn(waitMs = 0): number {
    this.#turning = true;
    const count = this.driver.turn(this, waitMs);
    this.#turning = false;
    if (this.#failure) throw this.#failure;
    assert.ok(count >= 0, `turn: ${count}`);
    return count;
  }

  /** Pumps until `done` holds. Fails after many turns in which nothing happened. */
  until(done: () => boolean, what: string): void {
    for (let idle = 0; !done(); ) {
      idle = this.turn(TURN_MS) > 0 ? 0 : idle + 1;
      const log = () => this.calls.map((c) => `${c.kind}(${c.id}, ${c.result})`).join(" ");
      assert.ok(idle < IDLE_TURNS, `nothing happens while waiting for ${what}; untaken: ${log()}`);
    }
  }

  /** A number of turns that do not wait long: for things that must not happen. */
  settle(turns = 20): void {
    for (let i = 0; i < turns; i++) this.turn(i % 5 === 4 ? 1 : 0);
  }

  /** Waits for a call of this kind (about this socket) and takes it. */
  next(kind: Kind, id?: number): Call {
    const find = () => this.calls.findIndex((c) => c.kind === kind && (id ?? c.id) === c.id);
    this.until(() => find() >= 0, id === undefined ? kind : `${kind}(${id})`);
    return this.calls.splice(find(), 1)[0]!;
  }

  /** Untaken calls about a socket. */
  about(socket: number): readonly Call[] {
    return this.calls.filter((c) => c.id === socket && c.kind !== "accepted");
  }

  /** Listens for the driver under the number `listener`; returns the address to connect to. */
  listen(listener: number, address: Address, backlog = 511): Address {
    const fd = this.listenQuietly(address, backlog);
    this.driver.listen(listener, fd);
    return boundAddress(fd);
  }

  /** A listening descriptor that nobody accepts from; closed at the end. */
  listenQuietly(address: Address, backlog: number): number {
    const fd = listenOn(address, { backlog });
    this.#listeners.push(fd);
    return fd;
  }

  unixAddress(): Address {
    this.#directory ??= mkdtempSync(join(tmpdir(), "weir-driver-"));
    return { kind: "unix", path: join(this.#directory, `${this.#listeners.length}.sock`) };
  }

  /** Begins to connect and returns the new socket. */
  dial(address: Address): number {
    const { driver } = this;
    const v6 = address.kind === "inet" && address.host.includes(":");
    const socket = driver.open(address.kind === "unix" ? AF_UNIX : v6 ? AF_INET6 : AF_INET);
    assert.ok(socket >= 0 && socket < driver.sockets, `open: ${socket}`);
    driver.connect(socket, encodeSockaddr(address, driver.memory, driver.peerAt(socket)));
    return socket;
  }

  /** Two sockets that are connected to each other: client, server. */
  pair(address: Address, listener: number): [number, number] {
    const client = this.dial(address);
    assert.equal(this.next("connected", client).result, 0);
    const server = this.next("accepted", listener).result;
    assert.ok(server >= 0 && server !== client, `accepted: ${server}`);
    return [client, server];
  }

  /** Fresh memory of the arena, one piece. Never given back. */
  area(bytes: number): number {
    const { pages } = this.driver;
    const start = pages.take(2);
    for (let end = PAGE_BYTES; end < bytes; end += PAGE_BYTES) {
      assert.equal(pages.take(2), start + end, "pages of a new driver follow each other");
    }
    return start;
  }

  /** Copies bytes into fresh memory of the arena. */
  put(bytes: Uint8Array): number {
    const at = this.area(bytes.length);
    this.driver.memory.set(bytes, at);
    return at;
  }

  /** Sends bytes and waits until they are sent. */
  sendNow(socket: number, bytes: Uint8Array): void {
    this.driver.send(socket, this.put(bytes), bytes.length, false);
    assert.equal(this.next("sent", socket).result, bytes.length);
  }

  /** Receives through the pool until there are `bytes` bytes, or the end of the file. */
  read(socket: number, bytes: number): Buffer {
    const parts: Buffer[] = [];
    for (let got = 0; got < bytes; ) {
      this.driver.receive(socket);
      const { result, at, buffer } = this.next("received", socket);
      assert.ok(result >= 0, `received: ${result}`);
      if (result === 0) break;
      parts.push(Buffer.from(this.driver.memory.subarray(at, at + result)));
      this.driver.release(buffer);
      got += result;
    }
    return Buffer.concat(parts);
  }

  /** As driver.close, from which on no call about the socket may come but closed(). */
  close(socket: number, reset = false): void {
    this.#closing.add(socket);
    this.driver.close(socket, reset);
    this.#forget(socket);
  }

  /** Calls that came before the close are nobody's business any more; their buffers still are. */
  #forget(socket: number): void {
    for (let i = this.calls.length - 1; i >= 0; i--) {
      const { kind, id } = this.calls[i]!;
      if (id === socket && kind !== "accepted" && kind !== "closed") this.calls.splice(i, 1);
    }
  }

  closeNow(socket: number, reset = false): void {
    this.close(socket, reset);
    this.next("closed", socket);
  }

  /** Ends the driver. A test need not: its bench does. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.driver.destroy();
    for (const fd of this.#listeners) closeFd(fd);
    if (this.#directory) rmSync(this.#directory, { recursive: true, force: true });
  }
}
