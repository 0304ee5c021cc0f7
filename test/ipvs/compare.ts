import assert from "node:assert/strict";
import { after, before } from "node:test";
import { CHUNK, ip, type Payload, type Ports, sctp, tcp, udp } from "#kit/packet.ts";
import { type Pair, startPair } from "./pair.ts";
import {
  connectionsIn,
  type ListedServer,
  pass,
  type Seen,
  type Side,
  serverAddress,
  serversIn,
  VIP,
} from "./side.ts";

/* One script, played to IPVS and to our director. */

const FIRST_PORT = 1000;
const CLIENT_PORT = 5000;

/** Seconds that what two tables say may differ by: they are read one after the other. */
export const SLACK_SECONDS = 2;

export class Comparison {
  #pair!: Pair;
  #port = FIRST_PORT;

  /** One for the suite that calls this, which gets a machine of its own. */
  static forSuite(): Comparison {
    const comparison = new Comparison();
    const ends: (() => unknown)[] = [];
    before(async () => {
      comparison.#pair = await startPair({ after: (end) => ends.unshift(end) });
    });
    after(async () => {
      for (const end of ends) await end();
    });
    return comparison;
  }

  /** A port that nothing was sent to yet. */
  port(): number {
    return ++this.#port;
  }

  /** What the script returns of each. */
  async each<T>(script: (side: Side) => Promise<T>): Promise<{ ipvs: T; ours: T }> {
    const [ipvs, ours] = await Promise.all([script(this.#pair.ipvs), script(this.#pair.ours)]);
    return { ipvs, ours };
  }

  /** The script returns the same of both; that. */
  async same<T>(script: (side: Side) => Promise<T>): Promise<T> {
    const { ipvs, ours } = await this.each(script);
    assert.deepEqual(ours, ipvs);
    return ipvs;
  }
}

type Protocol = "tcp" | "udp" | "sctp";
const OPTIONS = { tcp: "-t", udp: "-u", sctp: "--sctp-service" } as const;

/** A packet's payload: `what` is flags of TCP, or the name of SCTP's chunk. */
function carry(protocol: Protocol, ports: Ports, what: string): Payload {
  if (protocol === "udp") return udp(ports);
  if (protocol === "tcp") return tcp({ ...ports, flags: what });
  return sctp({ ...ports, chunk: CHUNK[what as keyof typeof CHUNK] });
}

export interface Rules {
  readonly port: number;
  readonly vip?: string;
  readonly protocol?: Protocol;
  /** Words of `ipvsadm -A` behind the address. */
  readonly service: string;
  /** `-m`, `-g` or `-i`. */
  readonly method?: string;
  /** Of servers that go by another. */
  readonly methods?: Readonly<Record<string, string>>;
  /** By server, in the order they are added. */
  readonly weights: Readonly<Record<string, number>>;
  /** More words for each server. */
  readonly server?: string;
}

const virtual = ({ port, protocol = "tcp", vip = VIP }: Rules): string =>
  `${OPTIONS[protocol]} ${vip}:${port}`;

const real = (rules: Rules, name: string): string =>
  `${virtual(rules)} -r ${serverAddress(name)}:${rules.port}`;

/** By which packets get to a server. */
export const methodOf = ({ method = "-m", methods = {} }: Rules, name: string): string =>
  methods[name] ?? method;

function addWords(rules: Rules, name: string, weight: number): string {
  const { server = "" } = rules;
  return `-a ${real(rules, name)} ${methodOf(rules, name)} -w ${weight} ${server}`;
}

/** A service on one side, and what happens to it. */
export class Service {
  readonly side: Side;
  readonly rules: Rules;

  private constructor(side: Side, rules: Rules) {
    this.side = side;
    this.rules = rules;
  }

  static async make(side: Side, rules: Rules): Promise<Service> {
    const servers = Object.entries(rules.weights);
    await side.apply([
      `-A ${virtual(rules)} ${rules.service}`,
      ...servers.map(([name, weight]) => addWords(rules, name, weight)),
    ]);
    return new Service(side, rules);
  }

  async add(name: string, weight: number): Promise<void> {
    await this.side.apply([addWords(this.rules, name, weight)]);
  }

  async weigh(name: string, weight: number): Promise<void> {
    await this.side.apply([addWords(this.rules, name, weight).replace("-a", "-e")]);
  }

  async remove(name: string): Promise<void> {
    await this.side.apply([`-d ${real(this.rules, name)}`]);
  }

  /** Where the first packets of so many clients go, `-` is nowhere. */
  async spread(clients: readonly string[], clientPort = CLIENT_PORT): Promise<string> {
    const { port } = this.rules;
    const packets = clients.map((from) => this.#packet(from, clientPort, port, "S"));
    const seen = await pass(this.side, packets);
    const to = new Map(seen.map(({ to, packet }) => [innerSource(packet), to]));
    return clients.map((from) => to.get(`${from}:${clientPort}`) ?? "-").join("");
  }

  talk(client: string, clientPort = CLIENT_PORT, port = this.rules.port): Talk {
    return new Talk(this, client, clientPort, port);
  }

  /** From a client, or with `server` from that one: what comes out, in words. */
  async send(
    ends: readonly [client: string, clientPort: number, port: number],
    flags: string,
    server?: string,
  ): Promise<Seen[]> {
    const [client, clientPort, port] = ends;
    if (server === undefined)
      return pass(this.side, [this.#packet(client, clientPort, port, flags)]);
    const payload = carry(this.rules.protocol ?? "tcp", { from: port, to: clientPort }, flags);
    const packet = ip({ from: serverAddress(server), to: client }, payload);
    return pass(this.side, [packet], server);
  }

  /** The same packet from each of these clients, or to each from a server: what comes out. */
  async sendAll(clients: readonly string[], what: string, server?: string): Promise<string[]> {
    const { port, protocol = "tcp" } = this.rules;
    const packets = clients.map((client) =>
      server === undefined
        ? this.#packet(client, CLIENT_PORT, port, what)
        : ip(
            { from: serverAddress(server), to: client },
            carry(protocol, { from: port, to: CLIENT_PORT }, what),
          ),
    );
    return (await pass(this.side, packets, server)).map((one) => inWords([one])).sort();
  }

  #packet(client: string, from: number, to: number, flags: string): Uint8Array {
    const payload = carry(this.rules.protocol ?? "tcp", { from, to }, flags);
    return ip({ from: client, to: this.rules.vip ?? VIP }, payload);
  }

  async servers(): Promise<Record<string, ListedServer>> {
    return serversIn(await this.side.list(), this.rules.port, this.rules.protocol ?? "tcp");
  }

  /** Active and inactive connections of each server: `a 1+0 b 0+2`. */
  async loads(): Promise<string> {
    const servers = Object.entries(await this.servers());
    return servers.map(([name, { active, inactive }]) => `${name} ${active}+${inactive}`).join(" ");
  }

  /** Lines of the connection table that are about it, in order. */
  async connections() {
    const { port } = this.rules;
    const found = connectionsIn(await this.side.connections(), port);
    return found.sort((a, b) => (a.client < b.client ? -1 : 1));
  }
}

/** `10.9.0.1:5000` of a description, also in a tunnel. */
function innerSource(packet: string): string {
  return /([\d.]+:\d+) > [\d.]+:\d+ \w/.exec(packet)?.[1] ?? packet;
}

/** A client's connection, packet by packet. */
export class Talk {
  readonly #service: Service;
  readonly #ends: readonly [client: string, clientPort: number, port: number];
  /** That its first packet went to. */
  server = "";

  constructor(service: Service, client: string, clientPort: number, port: number) {
    this.#service = service;
    this.#ends = [client, clientPort, port];
  }

  /** The client says it; who gets what. */
  async say(flags: string): Promise<string> {
    const seen = await this.#service.send(this.#ends, flags);
    this.server ||= seen[0]?.to ?? "";
    return inWords(seen);
  }

  /** Its server says it. */
  async hear(flags: string): Promise<string> {
    return inWords(await this.#service.send(this.#ends, flags, this.server));
  }

  /** What one side's packet after the other's lead to: `>S` is the client's, `<SA` the server's. */
  async play(script: string): Promise<string[]> {
    const said: string[] = [];
    for (const word of script.split(" ")) {
      const flags = word.slice(1);
      said.push(await (word.startsWith(">") ? this.say(flags) : this.hear(flags)));
    }
    return said;
  }

  /** State, and seconds it is kept. */
  async state(): Promise<{ state: string; seconds: number } | undefined> {
    const [client, clientPort] = this.#ends;
    const found = await this.#service.connections();
    const own = found.find((one) => one.client === `${client}:${clientPort}`);
    return own && { state: own.state, seconds: own.seconds };
  }
}

function inWords(seen: readonly Seen[]): string {
  const words = seen.map(({ to, packet, hops, faults }) =>
    [`${to}: ${packet} ttl ${hops}`, ...faults].join(" "),
  );
  return words.join(", ") || "-";
}

/** The same for every beginning: turns go on, where they begin after a change is another matter. */
export function asCycle(turns: string): string {
  const moved = [...turns].map((_, i) => turns.slice(i) + turns.slice(0, i));
  return moved.sort()[0] ?? turns;
}

/** Addresses of so many clients, all over the place, the same ones every time. */
export function clients(count: number): string[] {
  let x = 12345;
  const next = (): number => {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
    return x >>> 16;
  };
  const addresses = new Set<string>();
  while (addresses.size < count) {
    addresses.add(`${20 + (next() % 100)}.${next() & 255}.${next() & 255}.${1 + (next() % 254)}`);
  }
  return [...addresses];
}
