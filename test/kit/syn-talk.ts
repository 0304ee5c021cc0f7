import assert from "node:assert/strict";
import { rowKey } from "#director/rows.ts";
import { kernelNs } from "#io/clock.ts";
import { METHOD, SYN_PROXY } from "#plan/director-numbers.ts";
import { type DirectorBed, type RunOptions, type ServiceSpec, VERDICT } from "./director-bed.ts";
import { type FamilyName, PEOPLE } from "./director-cases.ts";
import {
  concat,
  counting,
  frame,
  ip,
  settlingWord,
  type TcpFields,
  tcp,
  u16,
  u32,
} from "./packet.ts";
import { frameFaults, owedSum } from "./packet-check.ts";
import { cookieOf, keptSize, type Offer, slotOf } from "./syn-cookie.ts";
import type { Tap } from "./tap.ts";

/*
 * A client, a director that gives cookies, and a server, segment by segment: what each of them
 * sends and what the other gets, byte for byte.
 */

/** What the director tells clients. */
const OWN_SCALE = 7;
const OWN_SIZE = { IPv4: 1460, IPv6: 1440 } as const;
const HEADER = { IPv4: 20, IPv6: 40 } as const;
/** Of packets that begin at the director. */
const OWN = { id: 0, df: true } as const;
const KEY = counting(16);
/** The kernel's coarse clock may be so much behind. */
const COARSE_NS = 20_000_000n;

const CLIENT_PORT = 40_000;
const SERVICE_PORT = 80;
const SERVER_PORT = 8080;
/** First numbers; the server's wrap at once. */
export const CLIENT_FIRST = 0x1234_5678;
export const SERVER_FIRST = 0xffff_fff0;
const CLIENT_WINDOW = 501;
const SERVER_WINDOW = 65_160;

/** What most clients say. */
export const USUAL: Offer = { mss: 1460, scale: 9, sack: true };

/** Options as Linux writes them in a SYN, timestamps among them. */
const linuxOptions = ({ mss, scale, sack }: Offer): Uint8Array =>
  concat(
    ...(mss === undefined ? [] : [Uint8Array.of(2, 4), u16(mss)]),
    sack ? Uint8Array.of(4, 2) : Uint8Array.of(1, 1),
    Uint8Array.of(8, 10),
    u32(77, 0),
    ...(scale === undefined ? [] : [Uint8Array.of(1, 3, 3, scale)]),
  );

/** Options as the director writes them. */
const ownOptions = ({ mss = 0, scale, sack }: Offer): Uint8Array =>
  concat(
    Uint8Array.of(2, 4),
    u16(mss),
    Uint8Array.of(1, 1, ...(sack ? [4, 2] : [1, 1])),
    Uint8Array.of(1, ...(scale === undefined ? [1, 1, 1] : [3, 3, scale])),
  );

/** A window as one says it who does not scale. */
const unscaled = (window: number, scale = 0): number => Math.min(0xffff, window << scale);

export interface TalkSpec {
  readonly family: FamilyName;
  readonly method?: number;
  /** What the client's SYN says. */
  readonly offer?: Offer;
  /** Of the server's windows; without, it has none. */
  readonly serverScale?: number;
  readonly service?: Partial<ServiceSpec>;
}

type Segment = Omit<TcpFields, "from" | "to">;

export class SynTalk {
  readonly #bed: DirectorBed;
  readonly #spec: TalkSpec;
  readonly #people;
  readonly #options: RunOptions;
  readonly offer: Offer;
  cookie = 0;

  /** Sets up the service, by which every SYN gets a cookie unless it is said otherwise. */
  constructor(bed: DirectorBed, spec: TalkSpec) {
    this.#bed = bed;
    this.#spec = spec;
    this.#people = PEOPLE[spec.family];
    this.#options = spec.service?.mark === undefined ? {} : { mark: spec.service.mark };
    this.offer = spec.offer ?? USUAL;
    const { service, server, ours } = this.#people;
    bed.map(".bss.secret").update(rowKey(0), KEY);
    bed.configure({ locals: [ours] });
    bed.service({
      address: service,
      servers: [{ address: server, port: SERVER_PORT, method: spec.method ?? METHOD.NAT }],
      synProxy: SYN_PROXY.ALWAYS,
      ...spec.service,
    });
  }

  /** Added to the server's numbers. */
  get shift(): number {
    return (this.cookie - SERVER_FIRST) >>> 0;
  }

  /** Numbers of the server, as the client knows them. */
  known(number: number): number {
    return (number + this.shift) >>> 0;
  }

  /** Whom the server takes for the client. */
  get #seen(): { readonly host: string; readonly port: number } {
    return this.#spec.method === METHOD.FULLNAT
      ? { host: this.#people.ours, port: this.#bed.connection().localPort }
      : { host: this.#people.client, port: CLIENT_PORT };
  }

  /** A segment as the client sends it. */
  fromClient(fields: Segment): Uint8Array {
    const { client, service } = this.#people;
    const all = { window: CLIENT_WINDOW, flags: "A", ...fields };
    return ip({ from: client, to: service }, tcp({ from: CLIENT_PORT, to: SERVICE_PORT, ...all }));
  }

  /** The same as the server gets it. */
  toServer(fields: Segment, own = {}): Uint8Array {
    const { host, port } = this.#seen;
    const all = { window: CLIENT_WINDOW, flags: "A", ...fields };
    const ends = { from: host, to: this.#people.server, hops: 63, ...own };
    return ip(ends, tcp({ from: port, to: SERVER_PORT, ...all }));
  }

  fromServer(fields: Segment): Uint8Array {
    const { host, port } = this.#seen;
    const all = { window: SERVER_WINDOW, flags: "A", ...fields };
    return ip(
      { from: this.#people.server, to: host },
      tcp({ from: SERVER_PORT, to: port, ...all }),
    );
  }

  toClient(fields: Segment, own = {}): Uint8Array {
    const { client, service } = this.#people;
    const all = { window: SERVER_WINDOW, flags: "A", ...fields };
    const ends = { from: service, to: client, hops: 63, ...own };
    return ip(ends, tcp({ from: SERVICE_PORT, to: CLIENT_PORT, ...all }));
  }

  get syn(): Uint8Array {
    const options = linuxOptions(this.offer);
    return this.fromClient({ flags: "S", seq: CLIENT_FIRST, window: 64_240, options });
  }

  /** The cookie of a slot of time. */
  cookieIn(slot: number, first = CLIENT_FIRST): number {
    const { client, service } = this.#people;
    const ends = { client, clientPort: CLIENT_PORT, service, port: SERVICE_PORT };
    return cookieOf(KEY, { ...ends, first, ...this.offer }, slot);
  }

  /** The client's SYN is answered, and nothing is kept. */
  ask(syn: Uint8Array = this.syn): void {
    const { family } = this.#spec;
    const { client, service } = this.#people;
    const began = kernelNs() - COARSE_NS;
    const { verdict, frame: answer } = this.#bed.run(frame(syn), this.#options);
    const cookies = [began, kernelNs()].map((ns) => this.cookieIn(slotOf(ns)));
    const view = new DataView(answer.buffer, answer.byteOffset);
    this.cookie = view.getUint32(14 + HEADER[family] + 4);
    assert.ok(cookies.includes(this.cookie), "the cookie");
    const offered = {
      mss: OWN_SIZE[family],
      ...(this.offer.scale === undefined ? {} : { scale: OWN_SCALE }),
      ...(this.offer.sack ? { sack: true } : {}),
    };
    const said = {
      ...{ from: SERVICE_PORT, to: CLIENT_PORT, flags: "SA", window: 0 },
      ...{ seq: this.cookie, ack: CLIENT_FIRST + 1, options: ownOptions(offered) },
    };
    const urgent = settlingWord(service, client, said);
    const expected = frame(
      ip({ ...OWN, from: service, to: client }, tcp({ ...said, urgent })),
      true,
    );
    assert.deepEqual([verdict, hex(answer)], [VERDICT.send, hex(expected)]);
    assert.deepEqual(frameFaults(answer), []);
    const owed = owedSum(answer, 14 + HEADER[family], 16);
    assert.equal(hex(owed), hex(answer), "a sum that the kernel makes is the same");
  }

  /** A segment of the client that becomes the SYN to the server. */
  begins(fields: Segment): void {
    const { client, service } = this.#people;
    const { scale } = this.offer;
    const size = keptSize(this.offer);
    const said = {
      ...{ flags: "S", seq: CLIENT_FIRST, ack: 0 },
      window: unscaled(fields.window ?? CLIENT_WINDOW, scale),
      options: ownOptions({ ...this.offer, mss: size }),
    };
    const ends = { from: CLIENT_PORT, to: SERVICE_PORT };
    const urgent = settlingWord(client, service, { ...ends, ...said });
    const { verdict, frame: sent } = this.#bed.run(frame(this.fromClient(fields)), this.#options);
    const expected = frame(this.toServer({ ...said, urgent }, OWN));
    assert.deepEqual([verdict, hex(sent)], [VERDICT.send, hex(expected)]);
    assert.deepEqual(frameFaults(sent), []);
  }

  /** The client returns the cookie: the server gets a SYN. */
  answer(): void {
    this.begins({ seq: CLIENT_FIRST + 1, ack: this.cookie + 1 });
  }

  /** The server takes it: it gets an ACK, and the client its window. */
  meet(tap: Tap): void {
    const { serverScale, family } = this.#spec;
    const { server, client } = this.#people;
    const { scale } = this.offer;
    const seen = this.#seen;
    const options = linuxOptions({
      mss: 1460,
      sack: true,
      ...(serverScale === undefined ? {} : { scale: serverScale }),
    });
    const accepted = { flags: "SA", seq: SERVER_FIRST, ack: CLIENT_FIRST + 1, options };
    const update = {
      ...{ flags: "A", seq: this.cookie + 1, ack: CLIENT_FIRST + 1 },
      window: SERVER_WINDOW >> (scale === undefined ? 0 : OWN_SCALE),
    };
    const between = { from: SERVER_PORT, to: seen.port };
    const word = settlingWord(server, seen.host, { ...between, ...update });
    this.#bed.sends(
      this.fromServer(accepted),
      this.toClient({ ...update, urgent: word }, OWN),
      this.#options,
    );
    const back = {
      ...{ from: seen.port, to: SERVER_PORT, flags: "A" },
      ...{ seq: CLIENT_FIRST + 1, ack: SERVER_FIRST + 1 },
      window: serverScale === undefined ? unscaled(CLIENT_WINDOW, scale) : CLIENT_WINDOW,
    };
    const urgent = settlingWord(seen.host, server, back);
    const expected = frame(
      ip({ ...OWN, from: seen.host, to: server }, tcp({ ...back, urgent })),
      true,
    );
    const heard = tap.next()!;
    assert.equal(hex(heard), hex(expected), `${client} is spoken for`);
    assert.equal(hex(owedSum(heard, 14 + HEADER[family], 16)), hex(heard));
  }

  /** All of it. */
  open(tap: Tap): void {
    this.ask();
    this.answer();
    this.meet(tap);
  }
}

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString("hex")
    .replace(/(.{32})/g, "$1\n");
