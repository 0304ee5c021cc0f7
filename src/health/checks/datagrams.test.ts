import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { systemTimers } from "#io/clock.ts";
import { askByDatagram } from "#io/datagram.ts";
import { type Answering, DatagramServer, nameServerAnswer } from "#kit/datagram-server.ts";
import { inet } from "#kit/health-plan.ts";
import { fallbacks } from "#schema/index.ts";
import type { CheckResult, CheckType } from "../check.ts";
import { dns, question } from "./dns.ts";
import { udp } from "./udp.ts";

/** What a check says of a server that answers so: code and detail. */
async function judged(
  type: CheckType,
  options: Readonly<Record<string, unknown>>,
  answering: Answering,
): Promise<string> {
  const server = new DatagramServer(answering);
  try {
    const target = { address: inet(await server.start()), backend: "web", server: "a" };
    const unused = (): never => assert.fail("sends datagrams alone");
    const { ok, code, detail } = await new Promise<CheckResult>((done) =>
      type.start(
        target,
        { ...fallbacks(type.options), ...options },
        {
          timers: systemTimers,
          timeoutMs: 60_000,
          ...{ dial: unused, run: unused, ping: unused },
          datagram: (address, more, said) => askByDatagram(systemTimers, address, more, said),
        },
        done,
      ),
    );
    assert.equal(ok, code === "L7OK");
    return `${code} ${detail}`;
  } finally {
    server.stop();
  }
}

describe("udp", () => {
  const echo: Answering = (asked) => [asked];

  test("escapes are bytes, all else is itself", async () => {
    const heard: string[] = [];
    const send = "a\\n\\r\\x00\\xfF\\t\\\\";
    await judged(udp, { send }, (asked) => [Buffer.from(`${heard.push(asked.toString("hex"))}`)]);
    assert.deepEqual(heard, [Buffer.from("a\n\r\0\xff\\t\\\\", "latin1").toString("hex")]);
  });

  test("any answer is one, or one that matches", async () => {
    assert.equal(await judged(udp, { send: "ping" }, echo), "L7OK answer of 4 bytes");
    assert.equal(
      await judged(udp, { send: "x" }, () => [Buffer.alloc(0)]),
      "L7OK answer of 0 bytes",
    );
    const send = "\\xffpong\\n.";
    assert.match(await judged(udp, { send, answer: "^\\xffpo.g.\\.$" }, echo), /^L7OK/);
    assert.equal(
      await judged(udp, { send: "ping", answer: "pong" }, echo),
      "L7RSP answer does not match /pong/: ping",
    );
  });
});

describe("dns", () => {
  test("the question", () => {
    assert.equal(
      Buffer.from(question("www.a.", "AAAA")).toString("hex"),
      "7765010000010000000000000377777701610000".concat("1c0001"),
    );
    assert.equal(Buffer.from(question(".", "NS")).toString("hex").slice(24), "0000020001");
  });

  test("records, none, and errors", async () => {
    const name = "a.test";
    const by = (rcode: number, records: number): Promise<string> =>
      judged(dns, { name }, (asked) => [nameServerAnswer(asked, rcode, records)]);
    assert.equal(await by(0, 1), "L7OK 1 record");
    assert.equal(await by(0, 2), "L7OK 2 records");
    assert.equal(await by(0, 0), "L7RSP no record");
    assert.equal(await by(3, 0), "L7STS NXDOMAIN");
    assert.equal(await by(9, 0), "L7STS error 9");
  });

  test("what answers another question is passed over", async () => {
    const said = await judged(dns, { name: "a.test" }, (asked) => {
      const other = nameServerAnswer(asked, 2, 0);
      other[0]! ^= 1;
      return [Buffer.from("no"), asked, other, nameServerAnswer(asked)];
    });
    assert.equal(said, "L7OK 1 record");
  });
});
