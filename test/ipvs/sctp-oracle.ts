import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { CHUNK } from "#kit/packet.ts";
import { Comparison, clients, Service, SLACK_SECONDS } from "./compare.ts";
import { noMachine } from "./machine.ts";
import type { ListedConnection, Side } from "./side.ts";

/*
 * Associations of SCTP: from every state that packets can lead to, every chunk of the client and of
 * the server. What stands behind a chunk that begins them is the way to the state.
 */

/** By the state's name, where the server is seen. */
const SEEN_WHOLE: Readonly<Record<string, string>> = {
  NONE: "",
  INIT1: ">init",
  INIT: ">init >init",
  "C-SENT": ">init <initAck",
  "C-REPLIED": ">init <initAck >cookieEcho",
  "C-WAIT": ">init <init",
  COOKIE: ">init <init >initAck",
  "C-ECHOED": ">init <cookieEcho",
  ESTABLISHED: ">init <cookieAck",
  "S-SENT": ">init <shutdown",
  "S-RECEIVED": ">init <cookieAck >shutdown",
  "S-ACK-SENT": ">init <shutdownAck",
  REJECTED: ">init <abort",
  CLOSED: ">init >abort",
};
/** The same where it is not. */
const SEEN_HALF: Readonly<Record<string, string>> = {
  NONE: "",
  INIT1: ">init",
  INIT: ">init >init",
  "C-ECHOED": ">init >initAck",
  ESTABLISHED: ">init >cookieEcho",
  "S-RECEIVED": ">init >cookieEcho >shutdown",
  CLOSED: ">init >abort",
};

const CHUNKS = Object.keys(CHUNK);

interface Walked {
  readonly sent: readonly (readonly string[])[];
  readonly way: readonly ListedConnection[];
  readonly found: readonly ListedConnection[];
  readonly loads: string;
}

/** Each chunk has a client of its own, said by the client, and by the server if that is seen. */
async function walk(side: Side, port: number, method: string, way: string): Promise<Walked> {
  const rules = { port, protocol: "sctp", service: "-s rr", method, weights: { a: 1 } } as const;
  const service = await Service.make(side, rules);
  const isSeen = method === "-m" && way !== "";
  const all = clients(CHUNKS.length * (isSeen ? 2 : 1));
  const sent: string[][] = [];
  const say = async (who: readonly string[], word: string): Promise<void> => {
    const server = word.startsWith("<") ? "a" : undefined;
    sent.push(await service.sendAll(who, word.slice(1), server));
  };
  for (const word of way.split(" ").filter(Boolean)) await say(all, word);
  const before = await service.connections();
  for (const [i, chunk] of CHUNKS.entries()) {
    await say([all[i]!], `>${chunk}`);
    if (isSeen) await say([all[CHUNKS.length + i]!], `<${chunk}`);
  }
  const found = await service.connections();
  return { sent, way: before, found, loads: await service.loads() };
}

describe("associations", { skip: noMachine() }, () => {
  const comparison = Comparison.forSuite();
  before(async () => {
    await comparison.each(async (side) => {
      await side.set("sloppy_sctp", 1);
      await side.set("conn_reuse_mode", 0);
    });
  });

  for (const [method, ways] of [
    ["-m", SEEN_WHOLE],
    ["-g", SEEN_HALF],
  ] as const) {
    for (const [name, way] of Object.entries(ways)) {
      test(`${method} every chunk in ${name}`, async (t) => {
        const port = comparison.port();
        const { ipvs, ours } = await comparison.each((side) => walk(side, port, method, way));
        const states = ({ found }: Walked) =>
          found.map(({ client, state }) => `${client} ${state}`);
        t.diagnostic(
          `${[...new Set(ipvs.found.map(({ state }) => state))].join(" ")}, ${ipvs.loads}`,
        );
        for (const { way } of [ipvs, ours]) {
          assert.deepEqual(
            [...new Set(way.map(({ state }) => state))],
            name === "NONE" ? [] : [name],
          );
        }
        assert.deepEqual(states(ours), states(ipvs));
        assert.deepEqual([ours.sent, ours.loads], [ipvs.sent, ipvs.loads]);
        for (const [i, { client, state, seconds }] of ours.found.entries()) {
          const close = Math.abs(seconds - ipvs.found[i]!.seconds) <= SLACK_SECONDS;
          assert.ok(close, `${client} ${state}: ${seconds} s, not ${ipvs.found[i]!.seconds} s`);
        }
      });
    }
  }

  test("without sloppy_sctp: INIT begins, nothing else does", async () => {
    await comparison.each((side) => side.set("sloppy_sctp", 0));
    const port = comparison.port();
    await comparison.same(async (side) => {
      const { sent, loads } = await walk(side, port, "-m", "");
      return { sent, loads };
    });
  });
});
