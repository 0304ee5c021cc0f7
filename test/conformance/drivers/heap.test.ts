import assert from "node:assert/strict";
import type { Driver } from "#io/driver.ts";
import type { Sink } from "#io/transport.ts";
import { LOCAL_4 } from "#kit/driver-harness.ts";
import { overDrivers } from "#kit/drivers.ts";
import { allocatedBytes } from "#kit/heap.ts";

/** Bounces one message between two sockets; calls nothing that allocates. */
class Bouncer implements Sink {
  readonly driver: Driver;
  bounces = 0;
  turns = 0;
  #held = -1;

  constructor(driver: Driver) {
    this.driver = driver;
  }

  accepted(): void {}
  connected(): void {}
  spliced(): void {}
  closed(): void {}
  woken(): void {}

  received(socket: number, result: number, at: number, buffer: number): void {
    this.bounces++;
    this.#held = buffer;
    this.driver.receive(socket);
    this.driver.send(socket, at, result, false);
  }

  sent(): void {
    if (this.#held >= 0) this.driver.release(this.#held);
    this.#held = -1;
  }

  run(bounces: number): void {
    this.turns = 0;
    for (const end = this.bounces + bounces; this.bounces < end; this.turns++) {
      this.driver.turn(this, 100);
    }
  }
}

/** What node:ffi leaves behind for a call of more than three arguments, once a turn. */
const CALL_BYTES = 100;

overDrivers("heap", (test) => {
  test("traffic allocates nothing beyond one native call a turn", (bench) => {
    const h = bench();
    const [client, server] = h.pair(h.listen(0, LOCAL_4), 0);
    h.sendNow(client, Buffer.from("ping"));
    h.driver.receive(client);
    h.driver.receive(server);
    const bouncer = new Bouncer(h.driver);
    bouncer.run(5_000);
    const bytes = allocatedBytes(() => bouncer.run(5_000), bouncer.turns * CALL_BYTES);
    const most = bouncer.turns * CALL_BYTES + 5_000;
    assert.ok(bytes < most, `${bytes} bytes in ${bouncer.turns} turns`);
  });
});
