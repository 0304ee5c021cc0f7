import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { type Lan, VIP } from "#kit/lan.ts";
import { startEcho, transfer } from "#kit/lan-echo.ts";
import { configurationOf, SERVER_PORT, startDirector } from "#kit/lan-services.ts";
import {
  createLanFor,
  DR,
  FULLNAT,
  GUE6,
  NAT,
  nameOfRoad,
  type Road,
  serviceOf,
} from "#kit/lan-ways.ts";
import { noNetns, noProgram, runInNetns } from "#kit/netns.ts";

/*
 * Much data both ways at once, compared: first as the kernel has it on one machine, in large pieces
 * whose checksums nobody makes; then as on a wire.
 */

const BYTES = 1_000_000_000;
/** As on a wire, every packet is one: fewer bytes show as much. */
const WIRE_BYTES = 50 << 20;
const OFF = ["tx", "tso", "gso", "gro", "rx"].flatMap((name) => [name, "off"]);

function withoutOffloads({ client, director, servers, device }: Lan): void {
  for (const netns of [client, director, ...servers]) {
    runInNetns(netns, "ethtool", "-K", device, ...OFF);
  }
}

describe("large transfers", { skip: noNetns() || noBpf() || noProgram("ethtool") }, () => {
  for (const road of [NAT, DR, GUE6, FULLNAT] satisfies Road[]) {
    test(nameOfRoad(road), async (t) => {
      const lan = createLanFor(t, road, 1);
      await startEcho(t, lan.servers[0]!, SERVER_PORT);
      const wanted = { servers: ["a"], service: serviceOf(road), outer: road.outer };
      await startDirector(t, lan, configurationOf(lan, road, wanted));
      const check = (what: string, bytes: number): void => {
        for (const vip of Object.values(VIP)) {
          const { error, bytes: came, equal, ms } = transfer(lan.client, vip, road.port, bytes);
          assert.deepEqual([error, came, equal], [undefined, bytes, true], `${what}: ${vip}`);
          t.diagnostic(`${what}, ${vip}: ${Math.round(bytes / 1000 / ms)} MB/s each way`);
        }
      };
      check("offloaded", BYTES);
      withoutOffloads(lan);
      check("as on a wire", WIRE_BYTES);
    });
  }
});
