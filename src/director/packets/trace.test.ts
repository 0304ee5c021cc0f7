import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { RingReader } from "#io/bpf/ringbuf.ts";
import { directorBed, noDirector } from "#kit/director-bed.ts";
import { PEOPLE } from "#kit/director-cases.ts";
import { frame, icmp, ip, ip16, type Ports, type TcpFields, tcp, udp } from "#kit/packet.ts";
import { TRACING } from "#plan/director-layout.ts";
import {
  CONFIG_FLAG,
  METHOD,
  SERVICE_FLAG,
  SYN_PROXY,
  TRACE_FLAG,
} from "#plan/director-numbers.ts";
import { rowKey } from "../rows.ts";
import { kernelTicks } from "../ticks.ts";
import { readEvent } from "../trace-event.ts";

const { client, neighbour, stranger, service, second, server } = PEOPLE.IPv4;

/* What a trace tells of packets. */
describe("a trace", { skip: noDirector() }, () => {
  const bed = directorBed();
  let ring: RingReader | undefined;

  beforeEach(() => {
    ring ??= new RingReader(bed.map("events"));
    while (ring.read(100).length > 0);
    want({});
  });

  function want(of: { client?: string; service?: number; ticks?: number }): void {
    const row = new Uint8Array(TRACING.BYTES);
    const view = new DataView(row.buffer);
    view.setUint32(TRACING.UNTIL, (kernelTicks() + (of.ticks ?? 10_000)) >>> 0, true);
    if (of.client !== undefined) row.set(ip16(of.client), TRACING.CLIENT);
    view.setUint32(TRACING.SERVICE, of.service ?? 0, true);
    const flags = of.client === undefined ? 0 : TRACE_FLAG.CLIENT;
    const more = of.service === undefined ? 0 : TRACE_FLAG.SERVICE;
    view.setUint32(TRACING.FLAGS, flags | more, true);
    bed.map(".bss.tracing").update(rowKey(0), row);
  }

  const send = (
    fields: Partial<TcpFields> = {},
    source: string = client,
    to: string = service,
  ): void =>
    void bed.run(frame(ip({ from: source, to }, tcp({ from: 40_000, to: 80, ...fields }))));
  const told = () => ring!.read(100).map(readEvent);
  /** In short: what, why, and the row of the server. */
  const short = () =>
    told().map(({ what, reason, destination }) =>
      [what, ...(reason ? [reason] : []), ...(destination < 0 ? [] : [destination])].join(" "),
    );

  test("tells of a connection from its first packet on, both ways", () => {
    bed.service({ address: service, servers: [{ address: server, port: 8080 }] });
    send({ flags: "S" });
    bed.run(frame(ip({ from: server, to: client }, tcp({ from: 8080, to: 40_000, flags: "SA" }))));
    send({ flags: "A" });
    const events = told();
    assert.deepEqual(
      events.map(({ what, flags, state }) => `${what} ${flags} ${state}`),
      ["new S SYN_RECV", "reply SA SYN_RECV", "forwarded A ESTABLISHED"],
    );
    for (const event of events) {
      const { client: from, clientPort, address, port, protocol, reason } = event;
      assert.deepEqual([from, clientPort, address, port], [client, 40_000, service, 80]);
      assert.deepEqual([protocol, reason, event.service, event.destination], [6, undefined, 0, 0]);
      assert.equal(event.bytes, 40);
    }
  });

  test("tells why a packet went no further", () => {
    bed.service({ address: service, servers: [], flags: SERVICE_FLAG.REJECT });
    bed.service({ address: second, servers: [{ address: server, interface: 0 }] });
    send({ flags: "S" });
    send({ flags: "A" });
    send({ flags: "R" });
    send({ flags: "S" }, client, second);
    assert.deepEqual(short(), [
      ...["rejected NO_SERVER", "rejected NOT_SYN", "dropped NOT_SYN", "dropped NO_ROUTE 0"],
    ]);
  });

  test("tells of cookies that are sent and come back", () => {
    bed.service({
      address: service,
      servers: [{ address: server }],
      synProxy: SYN_PROXY.ALWAYS,
    });
    const syn = tcp({ from: 40_000, to: 80, seq: 99 });
    const { frame: answer } = bed.run(frame(ip({ from: client, to: service }, syn)));
    const cookie = new DataView(answer.buffer, answer.byteOffset).getUint32(14 + 20 + 4);
    send({ flags: "A", seq: 100, ack: (cookie + 1) >>> 0 });
    assert.deepEqual(short(), ["answered COOKIE_SENT", "new COOKIE_ACCEPTED 0"]);
  });

  test("tells of errors by the connection they are about", () => {
    bed.service({ address: service, servers: [{ address: server, method: METHOD.DR }] });
    send({ flags: "S" });
    const quoted = ip({ from: service, to: client }, tcp({ from: 80, to: 40_000 }));
    bed.run(frame(ip({ from: client, to: service }, icmp({ type: 3, code: 3, body: quoted }))));
    const [, error] = told();
    assert.deepEqual([error?.what, error?.client, error?.port], ["icmp", client, 80]);
  });

  test("tells of packets that are not tracked", () => {
    const flags = SERVICE_FLAG.ONE_PACKET;
    bed.service({ address: service, servers: [{ address: server }], flags });
    send({ flags: "S" });
    assert.deepEqual(short(), ["forwarded 0"]);
  });

  test("tells of what servers say of calls", () => {
    const flags = SERVICE_FLAG.ONE_PACKET | SERVICE_FLAG.CALLS;
    const servers = [{ address: server, port: 8060 }];
    bed.service({ address: service, protocol: "udp", servers, flags, persistTicks: 5000 });
    bed.enable(CONFIG_FLAG.CALLS);
    const say = (text: string, from: string, to: string, ports: Ports): void => {
      const data = new Uint8Array(Buffer.from(text));
      bed.run(frame(ip({ from, to }, udp({ ...ports, data }))));
    };
    const call = "OPTIONS\r\nCall-ID: one\r\n\r\n";
    say(call, client, service, { from: 5060, to: 80 });
    say(call, server, client, { from: 8060, to: 5060 });
    say("OPTIONS\r\n\r\n", client, service, { from: 5060, to: 80 });
    say("OPTIONS\r\n\r\n", server, client, { from: 8060, to: 5060 });
    assert.deepEqual(
      told().map((event) => `${event.what} ${event.reason} ${event.client} ${event.port}`),
      ["forwarded undefined", "reply undefined", "dropped NO_CALL_ID"].map(
        (what) => `${what} ${client} 80`,
      ),
    );
  });

  test("only of those that are wanted", () => {
    bed.service({ address: service, servers: [{ address: server }] });
    bed.service({ address: second, servers: [{ address: server }] });
    bed.enable(CONFIG_FLAG.REPLIES);
    const all = (): void => {
      for (const to of [service, second]) {
        for (const source of [client, neighbour]) send({ flags: "S" }, source, to);
      }
      send({ flags: "S" }, client, stranger);
    };
    const who = () => told().map((event) => `${event.client} ${event.service}`);
    all();
    assert.deepEqual(who(), [`${client} 0`, `${neighbour} 0`, `${client} 1`, `${neighbour} 1`]);
    want({ client: neighbour });
    all();
    assert.deepEqual(who(), [`${neighbour} 0`, `${neighbour} 1`]);
    want({ client, service: 1 });
    all();
    assert.deepEqual(who(), [`${client} 1`]);
  });

  test("ends by itself", () => {
    bed.service({ address: service, servers: [{ address: server }] });
    want({ ticks: -20 });
    send({ flags: "S" });
    assert.deepEqual(told(), []);
    const row = bed.map(".bss.tracing").lookup(rowKey(0))!;
    assert.equal(new DataView(row.buffer).getUint32(TRACING.UNTIL, true), 0);
  });
});
