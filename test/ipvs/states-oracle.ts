import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Comparison, type Rules, Service, SLACK_SECONDS } from "./compare.ts";
import { noMachine } from "./machine.ts";
import type { Side } from "./side.ts";

/*
 * What becomes of a connection packet by packet: who gets it and how it looks then, the state, how
 * long that is kept, and what it counts as.
 */

/** `>` is what the client says, `<` the server. */
const SEEN_WHOLE = [
  ">S <SA >A >PA <A >FA <A <FA >A",
  ">S <SA >A <FA >A >FA <A",
  ">S <SA >A >FA <FA >A",
  ">S <SA >A >R >A",
  ">S <SA >A <R >S <SA >A",
  ">S <RA >S",
  ">S >S <SA <SA >A",
  ">S >A",
  ">S >FA",
  ">S >R >S",
  ">S <SA >R",
  ">S <SA >FA <A",
  ">S <SA >A >FA <A <FA >A >S <SA >A",
  ">S <SA >A <FA >A <R",
  ">S <SA >A >S <A >R >S",
  ">S <SA >A >P >U >SF",
  ">S <F >A",
  ">S <A >A",
  ">S <S >A",
  ">S <SA >A <FA <S <SA >A",
  ">S <SA >A >FA <FA <S >A",
];
const SEEN_HALF = [
  ">S >A >PA >FA >A",
  ">S >A >R >A",
  ">S >R >S >A",
  ">S >S >A",
  ">S >FA >A >S >A",
  ">S >A >FA >R >S",
  ">S >A >S",
  ">S >SA >A",
  ">A >S",
  ">R",
  ">FA >S",
];

/** Chunks of SCTP. */
const ASSOCIATIONS = [
  ">init <initAck >cookieEcho <cookieAck >data <data >shutdown <shutdownAck >shutdownComplete",
  ">init <initAck >cookieEcho <cookieAck <shutdown >shutdownAck <shutdownComplete",
  ">init <abort >init",
  ">init <initAck >abort",
  ">init >init <initAck >cookieEcho",
  ">init <initAck >cookieEcho <cookieAck >abort >init",
  ">init <initAck >cookieEcho <error >init",
  ">init <initAck >cookieEcho <cookieAck <shutdown >abort >data >init",
  ">init <init >initAck <cookieEcho >cookieAck >heartbeat <heartbeatAck",
  ">data >init",
  ">cookieEcho >init",
];
const ASSOCIATIONS_HALF = [
  ">init >cookieEcho >data >shutdown >shutdownComplete >init",
  ">init >cookieEcho >abort >init",
  ">init >init >abort",
  ">data >init",
];

interface Case {
  readonly method: "-m" | "-g" | "-i";
  readonly script: string;
  readonly protocol?: "udp" | "sctp";
}

const CASES: readonly Case[] = [
  ...SEEN_WHOLE.map((script): Case => ({ method: "-m", script })),
  ...[">A >S", ">R", ">FA >S", ">P >S"].map((script): Case => ({ method: "-m", script })),
  ...SEEN_HALF.map((script): Case => ({ method: "-g", script })),
  ...SEEN_HALF.slice(0, 3).map((script): Case => ({ method: "-i", script })),
  { method: "-m", protocol: "udp", script: ">u >u <u <u >u" },
  { method: "-g", protocol: "udp", script: ">u >u" },
  ...ASSOCIATIONS.map((script): Case => ({ method: "-m", protocol: "sctp", script })),
  ...ASSOCIATIONS_HALF.map((script): Case => ({ method: "-g", protocol: "sctp", script })),
  { method: "-i", protocol: "sctp", script: ASSOCIATIONS_HALF[0]! },
];

interface Step {
  readonly said: string;
  readonly state: string;
  readonly loads: string;
  readonly seconds: number;
}

/** What has to be the same of a step. */
function comparable({ method }: Case, { said, state, loads }: Step): readonly string[] {
  // The outer TTL is our own, as RFC 2003 section 3.1 has it; IPVS takes the packet's.
  const sent = method === "-i" ? said.replace(/ ttl \d+$/, "") : said;
  return [sent, state, loads];
}

async function walk(side: Side, port: number, { method, script, protocol }: Case): Promise<Step[]> {
  const rules: Rules = {
    port,
    protocol: protocol ?? "tcp",
    service: "-s rr",
    method,
    weights: { a: 1 },
  };
  const service = await Service.make(side, rules);
  const talk = service.talk("20.1.2.3");
  const steps: Step[] = [];
  for (const word of script.split(" ")) {
    const said = `${word} ${await talk.play(word)}`;
    const { state, seconds } = (await talk.state()) ?? { state: "-", seconds: 0 };
    steps.push({ said, state, loads: await service.loads(), seconds });
  }
  return steps;
}

/** A test for each case, on the machine of the suite that calls this. */
function compareAll(comparison: Comparison, cases: readonly Case[]): void {
  for (const one of cases) {
    const { method, script, protocol = "tcp" } = one;
    test(`${protocol} ${method} ${script}`, async (t) => {
      const port = comparison.port();
      const { ipvs, ours } = await comparison.each((side) => walk(side, port, one));
      const told = ipvs.map(({ state, loads, seconds }) => `${state} ${loads} ${seconds} s`);
      t.diagnostic(told.join(", "));
      const plain = (steps: readonly Step[]) => steps.map((step) => comparable(one, step));
      assert.deepEqual(plain(ours), plain(ipvs));
      for (const [i, { said, seconds }] of ours.entries()) {
        const close = Math.abs(seconds - ipvs[i]!.seconds) <= SLACK_SECONDS;
        assert.ok(close, `${said}: ${seconds} s, not ${ipvs[i]!.seconds} s`);
      }
    });
  }
}

describe("states", { skip: noMachine() }, () => {
  const comparison = Comparison.forSuite();
  compareAll(comparison, CASES);

  test("SYN with ACK begins a connection for IPVS; here it has to belong to one", async () => {
    const port = comparison.port();
    const { ipvs, ours } = await comparison.each(async (side) => {
      const service = await Service.make(side, { port, service: "-s rr", weights: { a: 1 } });
      return service.talk("20.1.2.3").say("SA");
    });
    assert.match(ipvs, /^a: .* SA /);
    assert.match(ours, /^client: .* R /);
  });
});

/** What the other table says of states that no connection in order comes to. */
const ATTACKED: readonly Case[] = [
  ...[
    ">S >A <SA >A >PA <A >PA",
    ">S <SA <A >FA",
    ">S <SA >S >FA >R >S",
    ">S <SA <SA >A <PA",
    ">S <SA <FA >A",
    ">S <SA >A <R >S",
    ">S >R <SA",
    ">A <SA",
    ">S >FA <SA >A",
  ].map((script): Case => ({ method: "-m", script })),
  ...[">S >S >A", ">S >R >S", ">S >A >FA >S", ">A >FA", ">S >A >R >S >A"].map(
    (script): Case => ({ method: "-g", script }),
  ),
];

/** Until IPVS has looked, once a second, which table is wanted. */
const LOOK_MS = 1500;

describe("states under attack: secure_tcp 3", { skip: noMachine() }, () => {
  const comparison = Comparison.forSuite();
  before(async () => {
    await comparison.each(async (side) => {
      await side.set("secure_tcp", 3);
      await side.set("sloppy_tcp", 1);
    });
    await sleep(LOOK_MS);
  });
  compareAll(comparison, [
    ...CASES.filter(({ method, protocol }) => method !== "-i" && protocol === undefined),
    ...ATTACKED,
  ]);
});
