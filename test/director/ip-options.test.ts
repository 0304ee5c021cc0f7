import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { VIP } from "#kit/lan.ts";
import { startEcho } from "#kit/lan-echo.ts";
import { configurationOf, SERVER_PORT, startDirector } from "#kit/lan-services.ts";
import { createLanFor, DR, FAMILIES, FULLNAT, NAT, nameOfRoad, TUN } from "#kit/lan-ways.ts";
import { LEVEL, NetSocket } from "#kit/net-socket.ts";
import { noNetns } from "#kit/netns.ts";

/* Headers are longer than usual: what a client put there, the director neither minds nor loses. */

const IP_OPTIONS = 4;
const IPV6_HOPOPTS = 54;
const IPV6_DSTOPTS = 59;
/** RFC 791: a record of the route with room for two, and its end. */
const RECORD_ROUTE = Uint8Array.of(7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0);
/** RFC 8200 section 4.2: padding. */
const PADDING = Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0);
/** RFC 4727 section 5: an option for experiments, which who does not know it passes over. */
const UNKNOWN = Uint8Array.of(0, 1, 0x1e, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

const TEXT = new TextEncoder().encode("as it was");

describe("options of IP and extension headers", { skip: noNetns() || noBpf() }, () => {
  for (const road of [NAT, DR, TUN, FULLNAT]) {
    test(nameOfRoad(road), async (t) => {
      const lan = createLanFor(t, road, 1);
      await startEcho(t, lan.servers[0]!, SERVER_PORT);
      await startDirector(t, lan, configurationOf(lan, road, { servers: ["a"] }));
      for (const family of FAMILIES) {
        for (const kind of ["udp", "tcp"] as const) {
          const socket = NetSocket.open(t, lan.client, VIP[family], kind);
          if (family === 4) socket.option(LEVEL[4], IP_OPTIONS, RECORD_ROUTE);
          else {
            socket.option(LEVEL[6], IPV6_HOPOPTS, PADDING);
            socket.option(LEVEL[6], IPV6_DSTOPTS, UNKNOWN);
          }
          socket.connect(VIP[family], road.port);
          socket.send(TEXT);
          const answer = socket.receive();
          assert.deepEqual(answer?.bytes, TEXT, `${kind} over IPv${family}`);
        }
      }
    });
  }
});
