import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { VIP } from "#kit/lan.ts";
import { echoDatagrams, startEcho } from "#kit/lan-echo.ts";
import { configurationOf, SERVER_PORT, startDirector } from "#kit/lan-services.ts";
import { createLanFor, DR, FULLNAT, NAT, nameOfRoad, serviceOf, TUN } from "#kit/lan-ways.ts";
import { noNetns, runProgram } from "#kit/netns.ts";

/*
 * Datagrams that no frame holds. Nothing puts them together on the way: there is no firewall here
 * that would, and the director sends each fragment on as it comes.
 */

const SIZES = [3000, 4097, 5555, 8000];
/** Less than a tunnel leaves of 1500 bytes. */
const ROOM = "1400";

describe("fragments go where their first went", { skip: noNetns() || noBpf() }, () => {
  for (const road of [NAT, DR, TUN, FULLNAT]) {
    test(nameOfRoad(road), async (t) => {
      const lan = createLanFor(t, road, 3);
      for (const netns of lan.servers) await startEcho(t, netns, SERVER_PORT);
      const wanted = { service: serviceOf(road), outer: road.outer };
      await startDirector(t, lan, configurationOf(lan, road, wanted));
      for (const vip of Object.values(VIP)) {
        // Over IPv6 the client is told; over IPv4 what may be cut up is not spoken of.
        if (road.tunnel && vip === VIP[4]) {
          const to = ["route", "replace", vip, "dev", lan.device, "mtu", ROOM];
          runProgram("ip", "-n", lan.client, ...to);
        }
        for (let i = 0; i < 3; i++) {
          const answers = echoDatagrams(lan.client, vip, road.port, SIZES);
          assert.deepEqual(
            answers,
            SIZES.map(() => "equal"),
            vip,
          );
        }
      }
    });
  }
});
