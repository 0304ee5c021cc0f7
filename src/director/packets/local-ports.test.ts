import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { closeFd, listenOn } from "#io/sockets.ts";
import { directorBed, noDirector, VERDICT } from "#kit/director-bed.ts";
import { FAMILIES, type FamilyName, PEOPLE, TRANSPORTS } from "#kit/director-cases.ts";
import { NetSocket } from "#kit/net-socket.ts";
import { withNetns } from "#kit/netns.ts";
import { frame, ip } from "#kit/packet.ts";
import { LOCAL_PORT, METHOD } from "#plan/director-numbers.ts";
import type { LocalPorts } from "../rows.ts";

/* Which ports FULLNAT speaks to servers from. */

/** So many from a port on. */
const portsFrom = (first: number, count: number): LocalPorts => ({
  ...{ count, keptFirst: LOCAL_PORT.FIRST, kept: first - LOCAL_PORT.FIRST },
});

describe("ports of FULLNAT", { skip: noDirector() }, () => {
  const bed = directorBed();

  /** Begins flows until one of them gets no port; those that the others have. */
  function takenPorts(family: FamilyName, protocol: "tcp" | "udp" | "sctp"): number[] {
    const { client, service, server } = PEOPLE[family];
    const one = { address: server, method: METHOD.FULLNAT };
    bed.service({ address: service, protocol, servers: [one] });
    for (let from = 1; ; from++) {
      const packet = ip({ from: client, to: service }, TRANSPORTS[protocol]({ from, to: 80 }));
      if (bed.run(frame(packet)).verdict === VERDICT.send) continue;
      assert.deepEqual(bed.counters(), { NO_PORT: 1 });
      assert.equal([...bed.map("replies").keys()].length, from - 1);
      return bed.connections().map(({ localPort }) => localPort);
    }
  }

  for (const family of FAMILIES) {
    const { ours } = PEOPLE[family];
    const any = family === "IPv4" ? "0.0.0.0" : "::";

    for (const protocol of ["tcp", "udp", "sctp"] as const) {
      test(`${protocol} over ${family}: only those that are left`, () => {
        const localPorts = { count: 5, keptFirst: 1027, kept: 60_000 };
        bed.configure({ locals: [ours], localPorts });
        const expected = [1024, 1025, 1026, 61_027, 61_028];
        assert.deepEqual(takenPorts(family, protocol).sort(), expected.sort());
      });
    }

    test(`${family}: none where somebody listens, of TCP`, () => {
      const port = 20_000;
      const fd = withNetns(bed.netns, () => listenOn({ kind: "inet", host: any, port }));
      try {
        bed.configure({ locals: [ours], localPorts: portsFrom(port, 2) });
        assert.deepEqual(takenPorts(family, "tcp"), [port + 1]);
        bed.reset();
        bed.configure({ locals: [ours], localPorts: portsFrom(port, 1) });
        assert.deepEqual(takenPorts(family, "udp"), [port], "UDP has ports of its own");
      } finally {
        closeFd(fd);
      }
    });

    test(`${family}: none of a socket, of UDP`, (t) => {
      const owner = { after: (end: () => unknown): void => t.after(() => void end()) };
      NetSocket.open(owner, bed.netns, any, "udp").bind(any, 20_000);
      bed.configure({ locals: [ours], localPorts: portsFrom(20_000, 2) });
      assert.deepEqual(takenPorts(family, "udp"), [20_001]);
    });
  }
});
