import { viewOf } from "#base/bytes.ts";
import { UPDATE } from "#io/bpf/abi.ts";
import { ERRNO, type SystemError } from "#io/errno-names.ts";
import {
  CONNECTION,
  DESTINATION,
  FLOW,
  SERVICE,
  TEMPLATE,
  TEMPLATE_KEY,
} from "#plan/director-layout.ts";
import { CONNECTION_FLAG, SERVICE_FLAG } from "#plan/director-numbers.ts";
import type { Kernel } from "./kernel.ts";
import { maskOf, rowKey } from "./rows.ts";
import type { PassTime, PassVisitor } from "./sweeper.ts";
import { ticksOf } from "./ticks.ts";

/** A template is there for so long yet where a connection is, as with IPVS. */
const KEPT_TICKS = ticksOf(60_000);
/** Between two passes in which templates are looked after; less where one lives for less. */
const EVERY_TICKS = ticksOf(20_000);
const WORDS = FLOW.BYTES >> 2;
const SOURCE = FLOW.SOURCE >> 2;
/** Third word of an IPv4 address, as this machine reads it. */
const MAPPED = new Int32Array(new Uint8Array([0, 0, 0xff, 0xff]).buffer)[0]!;

interface Kept {
  readonly maps: Pick<Kernel["maps"], "destinations" | "services" | "templates">;
}

const wordsOf = (bits: number): Int32Array => new Int32Array(maskOf(bits).buffer);

/** A server's row, of a service whose templates are of clients. */
interface Origin {
  readonly service: number;
  readonly generation: number;
  readonly persist: number;
  readonly mask4: Int32Array;
  readonly mask6: Int32Array;
}

/**
 * A client that has a connection stays where it is: the template that brought it there does not
 * expire meanwhile. Programs renew templates when a connection begins; this looks at those that go
 * on. Templates of calls are left: a call's connection does not say which it is.
 */
export class TemplateKeeper implements PassVisitor {
  readonly #maps: Kept["maps"];
  /** By row of `destinations`; null: there is nothing to keep. */
  readonly #origins = new Map<number, Origin | null>();
  readonly #key = new Uint8Array(TEMPLATE_KEY.BYTES);
  readonly #keyWords = new Int32Array(this.#key.buffer);
  readonly #shortestMs: () => number;
  /** Tick of the last pass in which templates were looked after. */
  #last: number | undefined;
  #isDue = false;
  /** Ticks until the next of these passes, as far as can be told: what has less is looked after. */
  #reach = 0;

  /** `shortestMs`: the least time for which a service keeps templates; Infinity: none does. */
  constructor({ maps }: Kept, shortestMs: () => number) {
    this.#maps = maps;
    this.#shortestMs = shortestMs;
  }

  begin(now: number): void {
    const ms = this.#shortestMs();
    const every = Math.min(EVERY_TICKS, ms === Infinity ? EVERY_TICKS : ticksOf(ms / 3));
    this.#isDue =
      ms !== Infinity && (this.#last === undefined || ((now - this.#last) | 0) >= every);
    if (!this.#isDue) return;
    this.#reach = Math.max(every, this.#last === undefined ? 0 : (now - this.#last) | 0);
    this.#last = now;
    this.#origins.clear();
  }

  visit(keys: Int32Array, values: DataView, i: number, { now, timeouts }: PassTime): void {
    if (!this.#isDue) return;
    const at = i * CONNECTION.BYTES;
    if (!(values.getUint16(at + CONNECTION.FLAGS, true) & CONNECTION_FLAG.PERSISTENT)) return;
    const row = values.getUint32(at + CONNECTION.DESTINATION, true);
    const origin = this.#originOf(row);
    const generation = values.getUint32(at + CONNECTION.GENERATION, true);
    if (!origin || generation !== origin.generation) return;
    this.#nameClient(keys, i * WORDS + SOURCE, origin);
    const silent = (now - values.getUint32(at + CONNECTION.SEEN, true)) | 0;
    const remaining = timeouts[values.getUint16(at + CONNECTION.STATE, true)]! - silent;
    this.#keep(row, origin, now, remaining);
  }

  end(): void {}

  #originOf(row: number): Origin | null {
    let origin = this.#origins.get(row);
    if (origin === undefined) {
      origin = this.#readOrigin(row);
      this.#origins.set(row, origin);
    }
    return origin;
  }

  #readOrigin(row: number): Origin | null {
    const destination = this.#maps.destinations.lookup(rowKey(row));
    if (!destination) return null;
    const server = viewOf(destination);
    const number = server.getUint32(DESTINATION.SERVICE, true);
    const value = this.#maps.services.lookup(rowKey(number));
    if (!value || value[SERVICE.FLAGS]! & SERVICE_FLAG.CALLS) return null;
    const persist = viewOf(value).getUint32(SERVICE.PERSIST, true);
    if (persist === 0) return null;
    return {
      service: number,
      generation: server.getUint32(DESTINATION.GENERATION, true),
      persist,
      mask4: wordsOf(96 + value[SERVICE.PREFIX4]!),
      mask6: wordsOf(value[SERVICE.PREFIX6]!),
    };
  }

  /** Writes the key of the client's template. */
  #nameClient(keys: Int32Array, at: number, { service, mask4, mask6 }: Origin): void {
    const isV4 = keys[at] === 0 && keys[at + 1] === 0 && keys[at + 2] === MAPPED;
    const mask = isV4 ? mask4 : mask6;
    for (let word = 0; word < 4; word++) this.#keyWords[word] = keys[at + word]! & mask[word]!;
    this.#keyWords[TEMPLATE_KEY.SERVICE >> 2] = service;
  }

  /** `remaining`: ticks that the connection is there if nothing more comes. */
  #keep(row: number, { generation, persist }: Origin, now: number, remaining: number): void {
    const value = this.#maps.templates.lookup(this.#key);
    if (!value) return;
    const view = viewOf(value);
    // By now the client may have been sent elsewhere.
    if (view.getUint32(TEMPLATE.DESTINATION, true) !== row) return;
    if (view.getUint32(TEMPLATE.GENERATION, true) !== generation) return;
    const left = persist - ((now - view.getUint32(TEMPLATE.SEEN, true)) | 0);
    if (left >= Math.min(this.#reach, remaining)) return;
    view.setUint32(TEMPLATE.SEEN, (now - persist + KEPT_TICKS) >>> 0, true);
    try {
      this.#maps.templates.update(this.#key, value, UPDATE.EXIST);
    } catch (error) {
      // It was thrown out meanwhile.
      if ((error as SystemError).errno !== ERRNO.ENOENT) throw error;
    }
  }
}
