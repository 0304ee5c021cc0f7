import type { Outcome } from "./api.ts";
import type {
  DrainOrder,
  EngineStart,
  FromEngine,
  ListenFault,
  ListenWish,
  ToEngine,
} from "./protocol.ts";
import type { OpenListener } from "./workers.ts";

/** How an engine reaches its supervisor; handed in, so that tests need no process. */
export interface Channel {
  send(message: FromEngine): void;
  /** The next descriptors that came beside the messages. */
  receiveFds(): readonly number[];
  /** Whoever hears the messages, and that the supervisor is gone. Called once. */
  listen(heard: (message: ToEngine) => void, gone: () => void): void;
}

/** What the supervisor may ask for at any time. */
export interface Orders {
  reload(): void;
  drain(order: DrainOrder): void;
  /** No other engine lives any more. */
  alone(): void;
  /** The supervisor died. */
  orphaned(): void;
}

export type Listening =
  | { readonly listeners: readonly OpenListener[]; readonly faults?: undefined }
  | { readonly faults: readonly ListenFault[] };

/** An engine's end of the conversation with its supervisor: questions become promises. */
export class SupervisorLink {
  readonly #channel: Channel;
  #orders: Orders | undefined;
  #early: ToEngine[] = [];
  #orphaned = false;
  #started: ((start: EngineStart) => void) | undefined;
  #board: ((board: { fd: number; fresh: boolean }) => void) | undefined;
  readonly #listens = new Map<number, (listening: Listening) => void>();
  #nextListen = 1;
  #upgrades: ((outcome: Outcome) => void)[] = [];

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.listen(
      (message) => this.#heard(message),
      () => {
        this.#orphaned = true;
        this.#orders?.orphaned();
      },
    );
  }

  send(message: FromEngine): void {
    this.#channel.send(message);
  }

  /** Says that the code is loaded; resolves with the briefing. */
  start(): Promise<EngineStart> {
    return new Promise((resolve) => {
      this.#started = resolve;
      this.send({ type: "loaded" });
    });
  }

  /** Orders that came before this are given now. */
  obey(orders: Orders): void {
    this.#orders = orders;
    for (const message of this.#early.splice(0)) this.#heard(message);
    if (this.#orphaned) orders.orphaned();
  }

  board(bytes: number, layout: string): Promise<{ fd: number; fresh: boolean }> {
    return new Promise((resolve) => {
      this.#board = resolve;
      this.send({ type: "board", bytes, layout });
    });
  }

  listen(wishes: readonly ListenWish[]): Promise<Listening> {
    const id = this.#nextListen++;
    return new Promise((resolve) => {
      this.#listens.set(id, resolve);
      this.send({ type: "listen", id, wishes });
    });
  }

  /** Resolves when a new engine took over, or could not. */
  upgrade(): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#upgrades.push(resolve);
      if (this.#upgrades.length === 1) this.send({ type: "upgrade" });
    });
  }

  #heard(message: ToEngine): void {
    switch (message.type) {
      case "start":
        this.#started?.(message.start);
        break;
      case "board":
        this.#board?.({ fd: this.#channel.receiveFds()[0]!, fresh: message.fresh });
        break;
      case "listeners":
        this.#listening(message);
        break;
      case "upgraded":
        for (const resolve of this.#upgrades.splice(0)) resolve(message.outcome);
        break;
      default:
        this.#order(message);
    }
  }

  #listening({ id, keys, faults }: Extract<ToEngine, { type: "listeners" }>): void {
    const resolve = this.#listens.get(id);
    this.#listens.delete(id);
    if (faults.length > 0) {
      resolve?.({ faults });
      return;
    }
    const fds = this.#channel.receiveFds();
    resolve?.({ listeners: keys.map((key, i) => ({ key, fd: fds[i]! })) });
  }

  #order(message: Extract<ToEngine, { type: "reload" | "drain" | "alone" }>): void {
    if (!this.#orders) this.#early.push(message);
    else if (message.type === "drain") this.#orders.drain(message);
    else if (message.type === "reload") this.#orders.reload();
    else this.#orders.alone();
  }
}
