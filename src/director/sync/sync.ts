import { viewOf } from "#base/bytes.ts";
import type { Cancel, Timers } from "#base/clock.ts";
import type { Batch } from "#io/bpf/map-batch.ts";
import { GroupSocket } from "#io/group-socket.ts";
import { type ListedInterface, listInterfaces } from "#io/interfaces.ts";
import { Netlink } from "#io/netlink.ts";
import { randomSeed } from "#io/seed.ts";
import type { SyncPlan } from "#plan/plan.ts";
import { isShort } from "#plan/table-count.ts";
import type { Director } from "../director.ts";
import type { Sweeper } from "../sweeper.ts";
import { kernelTicks } from "../ticks.ts";
import { createCounts } from "./counts.ts";
import { readMessage } from "./decode.ts";
import { MessageWriter } from "./encode.ts";
import { Intake } from "./intake.ts";
import { Known } from "./known.ts";
import { Outbox } from "./outbox.ts";
import { Outlet } from "./outlet.ts";
import { helloEntry, readHello } from "./own.ts";
import { type Peer, Peers } from "./peers.ts";
import { Places } from "./places.ts";
import type { SyncStatus } from "./status.ts";
import { ClientWays } from "./ways.ts";
import { MESSAGE, type SyncEntry } from "./wire.ts";

const HELLO_MS = 1000;
/** Between two looks at what waits to be sent. */
const PUMP_MS = 10;
/** Between two steps of a pass over the templates, and their entries. */
const STEP_MS = 10;
const CHUNK = 4096;
/** Entries that are looked at in a second at most, whoever sends them: some tenths of it. */
const TAKEN_A_SECOND = 50_000;
/** Of machines that come and go. */
const MENTIONED_A_MINUTE = 20;
/** Bytes of a message. */
const MESSAGE_LEAST = 256;
const DATAGRAM_MAX = 65_507;
const ETHERNET_MTU = 1500;

export interface SyncParts {
  readonly director: Director;
  readonly sweeper: Sweeper;
  readonly timers: Timers;
  readonly events: SyncEvents;
}

/** What somebody may want to know. */
export interface SyncEvents {
  seen(peer: Peer): void;
  lost(peer: Peer): void;
  /** Nothing is sent or received; undefined: now it is. */
  problem(text: string | undefined): void;
}

/**
 * Tells other directors of connections, and takes in what they tell: in the messages of IPVS's sync
 * daemon (wire.ts). Made for one SyncPlan; what others know dies with it, so that all is told anew.
 */
export class Sync {
  readonly plan: SyncPlan;
  readonly #parts: SyncParts;
  readonly #instance = randomSeed();
  readonly #netlink = new Netlink();
  readonly #peers: Peers;
  readonly #outbox: Outbox;
  readonly #outlet: Outlet;
  readonly #intake: Intake;
  readonly #counts = createCounts();
  readonly #hello: Uint8Array;
  readonly #cancels = new Set<Cancel>();
  #socket: GroupSocket | undefined;
  #problem: string | undefined;
  /** Something went wrong since the last hello. */
  #isTroubled = false;
  #isPumping = false;
  #templates: Generator<Batch> | undefined;
  #second = -1;
  #minute = -1;
  #mentioned = 0;
  /** Of the interface, when the socket was made. */
  #index: number | undefined;
  #taken = 0;

  constructor(plan: SyncPlan, parts: SyncParts) {
    this.plan = plan;
    this.#parts = parts;
    const { director, sweeper, events } = parts;
    const { maps } = director.kernel;
    const maxBytes = messageBytes(plan, this.#interface);
    const writer = (): MessageWriter => new MessageWriter(plan.id, maxBytes);
    this.#outbox = new Outbox(plan.pace, writer(), {
      send: (bytes) => this.#send(bytes),
      waits: () => this.#pump(),
    });
    const places = new Places(director);
    const seed = randomSeed();
    const connections = new Known(maps.connections.maxEntries, seed);
    const templates = new Known(maps.templates.maxEntries, seed);
    const ways = new ClientWays(this.#netlink);
    const shared = { places, connections, templates };
    this.#outlet = new Outlet({ ...shared, plan, outbox: this.#outbox, counts: this.#counts });
    this.#intake = new Intake({
      ...shared,
      kernel: director.kernel,
      counts: sweeper.counts,
      wayTo: (client) => ways.find(client, this.#interfaces, parts.timers.monotonicMs()),
      isAmbiguous: (key) => director.isAmbiguous(key),
      isFull: () => isShort({ count: sweeper.count, size: maps.connections.maxEntries }),
    });
    this.#peers = new Peers({
      seen: (peer) => this.#mention(() => events.seen(peer)),
      lost: (peer) => this.#mention(() => events.lost(peer)),
      begun: (peer) => this.#welcome(peer),
    });
    const hello = writer();
    hello.add(helloEntry({ role: plan.role, instance: this.#instance }));
    this.#hello = hello.take().bytes;
    this.#open();
    this.#every(HELLO_MS, () => this.#tick());
    this.#stepTemplates();
  }

  get #interface(): ListedInterface | undefined {
    return listInterfaces(this.#netlink).find(({ name }) => name === this.plan.interface);
  }

  get #interfaces(): readonly string[] {
    return this.#parts.director.plan?.director?.interfaces ?? [];
  }

  /** Who is to see connections pass by pass; undefined where nothing is told. */
  get visitor(): Outlet | undefined {
    return this.plan.role === "backup" || !this.#socket?.isOpen ? undefined : this.#outlet;
  }

  /** Has the whole table told, at the pace there is. False where nothing is told. */
  tellAll(): boolean {
    if (this.plan.role === "backup") return false;
    this.#outlet.tellAll();
    return true;
  }

  close(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
    this.#socket?.close();
    this.#netlink.close();
  }

  status(): SyncStatus {
    const { interface: device, id, role, group, port, peers } = this.plan;
    return {
      ...{ interface: device, id, role, port, problem: this.#problem },
      to: peers.length > 0 ? peers : [group],
      peers: this.#peers.all.map(({ heardMs, ...peer }) => {
        const silentMs = Math.max(0, Math.round(this.#parts.timers.monotonicMs() - heardMs));
        return { ...peer, silentMs };
      }),
      waiting: this.#outbox.waiting,
      isTellingAll: this.#outlet.isTellingAll,
      counts: { ...this.#counts, refused: { ...this.#counts.refused } },
    };
  }

  /** Whoever sends from ever new addresses does not fill the log. */
  #mention(tell: () => void): void {
    const minute = Math.floor(this.#parts.timers.monotonicMs() / 60_000);
    if (minute !== this.#minute) this.#mentioned = 0;
    this.#minute = minute;
    if (this.#mentioned++ < MENTIONED_A_MINUTE) tell();
  }

  /**
   * One that begins is told everything it may want to know, and first who tells it: else it would
   * tell us again what it hears before it knows us.
   */
  #welcome({ role }: Peer): void {
    if (role !== "master" && this.tellAll()) this.#send(this.#hello);
  }

  #tick(): void {
    this.#peers.look(this.#parts.timers.monotonicMs());
    if (this.#socket && this.#index !== this.#interface?.index) {
      // Another one of that name has not joined the group.
      this.#socket.close();
      this.#fail(`${this.plan.interface} is not what it was`);
    }
    if (!this.#socket) this.#open();
    else if (this.#socket.isOpen && !this.#isTroubled) this.#say(undefined);
    this.#isTroubled = false;
    this.#send(this.#hello);
  }

  #opened(): void {
    // What was found meanwhile nobody was told.
    if (this.#problem !== undefined) this.tellAll();
    this.#say(undefined);
    this.#send(this.#hello);
  }

  #open(): void {
    try {
      this.#index = this.#interface?.index;
      this.#socket = new GroupSocket(this.plan, {
        opened: () => this.#opened(),
        received: (bytes, from) => this.#receive(bytes, from),
        failed: (problem) => this.#fail(problem),
        unsent: () => void this.#counts.unsent++,
      });
    } catch (error) {
      this.#fail((error as Error).message);
    }
  }

  /** A call to the kernel failed: it is tried again when its turn comes. */
  #trouble(error: unknown): void {
    this.#isTroubled = true;
    this.#say((error as Error).message);
  }

  #fail(problem: string): void {
    this.#socket = undefined;
    this.#say(problem);
  }

  #say(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#parts.events.problem(problem);
  }

  #send(bytes: Uint8Array): void {
    if (!this.#socket?.isOpen) return;
    this.#socket.send(bytes);
    this.#counts.sentMessages++;
  }

  /** Sends what waits, and comes again while there is more. */
  #pump(): void {
    if (this.#isPumping || !this.#socket?.isOpen) return;
    this.#isPumping = this.#outbox.pump(this.#parts.timers.monotonicMs());
    if (!this.#isPumping) return;
    this.#after(PUMP_MS, () => {
      this.#isPumping = false;
      this.#pump();
    });
  }

  #receive(bytes: Uint8Array, from: string): void {
    const { refused } = this.#counts;
    this.#counts.receivedMessages++;
    const { id, role } = this.plan;
    if (id !== 0 && bytes.length >= MESSAGE.BYTES && bytes[MESSAGE.SYNC_ID] !== id) {
      refused.id++;
      return;
    }
    const message = readMessage(bytes);
    if ("fault" in message) {
      refused.malformed++;
      return;
    }
    const hellos = message.entries.map(readHello);
    const hello = hellos.find((one) => one !== undefined);
    if (hello?.instance === this.#instance) return;
    this.#peers.heard(from, hello, this.#parts.timers.monotonicMs());
    const entries = message.entries.filter((_, i) => hellos[i] === undefined);
    if (entries.length === 0) return;
    if (role === "master") refused.role += entries.length;
    else if (!this.#mayTake(entries.length)) refused.flood += entries.length;
    else this.#take(entries);
  }

  #take(entries: readonly SyncEntry[]): void {
    try {
      this.#intake.begin();
      for (const entry of entries) this.#count(this.#intake.take(entry));
    } catch (error) {
      this.#trouble(error);
    }
  }

  #count(taken: ReturnType<Intake["take"]>): void {
    const counts = this.#counts;
    if (taken === "template") counts.receivedTemplates++;
    else if (taken === "connection" || taken === "over") counts.receivedConnections++;
    else counts.refused[taken]++;
  }

  #mayTake(entries: number): boolean {
    const second = Math.floor(this.#parts.timers.monotonicMs() / 1000);
    if (second !== this.#second) this.#taken = 0;
    this.#second = second;
    if (this.#taken + entries > TAKEN_A_SECOND) return false;
    this.#taken += entries;
    return true;
  }

  /** Pass after pass over who stays where; the sweeper's is over connections alone. */
  #stepTemplates(): void {
    const { director } = this.#parts;
    const hasSome = director.plan?.services.some(({ persistence }) => persistence !== undefined);
    const isWanted = hasSome && this.visitor !== undefined;
    if (!isWanted) this.#templates = undefined;
    this.#after(this.#templates ? STEP_MS : HELLO_MS, () => this.#stepTemplates());
    if (!isWanted) return;
    this.#templates ??= director.kernel.maps.templates.batches(CHUNK);
    const pass = this.#templates;
    this.#templates = undefined;
    const { value: batch, done } = pass.next();
    if (done) {
      this.#outbox.flush();
      return;
    }
    this.#templates = pass;
    const { keys, values, count } = batch;
    const keyWords = new Int32Array(keys.buffer, keys.byteOffset, keys.length >> 2);
    const valueView = viewOf(values);
    const now = kernelTicks();
    for (let i = 0; i < count; i++) {
      this.#outlet.visitTemplate(keyWords, valueView, i, now);
    }
  }

  #every(ms: number, work: () => void): void {
    this.#after(ms, () => {
      this.#every(ms, work);
      work();
    });
  }

  /** What goes wrong in it is told, and does not end anything else. */
  #after(ms: number, work: () => void): void {
    const cancel = this.#parts.timers.after(ms, () => {
      this.#cancels.delete(cancel);
      try {
        work();
      } catch (error) {
        this.#trouble(error);
      }
    });
    this.#cancels.add(cancel);
  }
}

/** What fits into a packet of the interface, unless the Plan says. */
function messageBytes({ maxBytes, peers, group }: SyncPlan, device: ListedInterface | undefined) {
  if (maxBytes > 0) return maxBytes;
  const headers = (peers[0] ?? group).includes(":") ? 48 : 28;
  const room = (device?.mtu ?? ETHERNET_MTU) - headers;
  return Math.min(DATAGRAM_MAX, Math.max(MESSAGE_LEAST, room));
}
