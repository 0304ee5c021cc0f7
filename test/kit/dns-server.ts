import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";

/** What the server does for a name: addresses with a TTL, an error, or silence. */
export type DnsRecord =
  | { readonly addresses: readonly string[]; readonly ttlS: number }
  | "no such name"
  | "server failure"
  | "silence";

const TYPE_A = 1;
const TYPE_AAAA = 28;
const RCODES = { "no such name": 3, "server failure": 2 } as const;

/** A tiny name server on UDP, for A and AAAA (RFC 1035 §4). Names not set do not exist. */
export class DnsServer {
  readonly records = new Map<string, DnsRecord>();
  /** `name type` of every question so far. */
  readonly asked: string[] = [];
  readonly #socket = createSocket("udp4");

  /** `127.0.0.1:port`. */
  async start(): Promise<string> {
    this.#socket.on("message", (message, from) => this.#answer(message, from));
    this.#socket.bind(0, "127.0.0.1");
    await once(this.#socket, "listening");
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  stop(): void {
    this.#socket.close();
  }

  #answer(message: Buffer, from: RemoteInfo): void {
    const labels: string[] = [];
    let at = 12;
    for (let length = message[at]!; length > 0; length = message[at]!) {
      labels.push(message.toString("latin1", at + 1, at + 1 + length));
      at += length + 1;
    }
    const name = labels.join(".").toLowerCase();
    const type = message.readUInt16BE(at + 1);
    this.asked.push(`${name} ${type}`);
    const record = this.records.get(name) ?? "no such name";
    if (record === "silence") return;
    const question = message.subarray(12, at + 5);
    const found = typeof record === "string" ? [] : resources(record, type);
    const header = Buffer.alloc(12);
    message.copy(header, 0, 0, 2);
    // A response, recursion desired and available.
    header.writeUInt16BE(0x8180 | (typeof record === "string" ? RCODES[record] : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(found.length, 6);
    this.#socket.send(Buffer.concat([header, question, ...found]), from.port, from.address);
  }
}

function resources(record: Exclude<DnsRecord, string>, type: number): Buffer[] {
  return record.addresses
    .filter((address) => (address.includes(":") ? TYPE_AAAA : TYPE_A) === type)
    .map((address) => {
      const bytes = address.includes(":") ? ipv6(address) : address.split(".").map(Number);
      const head = Buffer.alloc(12);
      // The name: a pointer to the question's.
      head.writeUInt16BE(0xc00c, 0);
      head.writeUInt16BE(type, 2);
      head.writeUInt16BE(1, 4);
      head.writeUInt32BE(record.ttlS, 6);
      head.writeUInt16BE(bytes.length, 10);
      return Buffer.concat([head, Buffer.from(bytes)]);
    });
}

/** `fd00::1` and the like: at most one `::`. */
function ipv6(address: string): number[] {
  const [head, tail] = address.split("::").map((half) => half.split(":").filter(Boolean));
  const missing = 8 - head!.length - (tail?.length ?? 0);
  const groups = [...head!, ...Array<string>(missing).fill("0"), ...(tail ?? [])];
  return groups.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}
