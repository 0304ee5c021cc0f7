import type { Address } from "#base/address.ts";
import type { ListenFault, ListenWish } from "./protocol.ts";

export interface ListenOptions {
  readonly backlog: number;
  readonly reusePort: boolean;
  readonly v6Only: boolean;
  readonly mode?: number;
}

/**
 * How sockets are opened; handed in, so that tests need none. `listen` throws an Error with `code`.
 */
export interface SocketMaker {
  listen(address: Address, options: ListenOptions): number;
  /** Throws as listen would when somebody else listens there. */
  checkFree(address: Address): void;
  /** Where a socket is bound: tells the port when 0 was asked for. */
  boundAddress(fd: number): Address;
  close(fd: number): void;
  /** Removes the file of a Unix socket; absent is fine. */
  remove(path: string): void;
}

interface Opened {
  readonly wish: ListenWish;
  readonly fds: number[];
}

export interface Listening {
  /** One entry a socket; a key comes as often as it has sockets. */
  readonly keys: readonly string[];
  readonly fds: readonly number[];
  readonly faults: readonly ListenFault[];
}

/**
 * The supervisor's listening sockets, by key. Engines come and go; a socket stays open until no
 * engine wants its key, so the kernel goes on queueing connections whatever happens to the engines.
 */
export class Listeners {
  readonly #make: SocketMaker;
  readonly #open = new Map<string, Opened>();

  constructor(make: SocketMaker) {
    this.#make = make;
  }

  /**
   * Sockets for these wishes, missing ones opened. All or nothing: on a fault whatever was opened
   * for this call is closed again and no descriptor is returned. Where an earlier engine had more
   * sockets for a key than are wished, all are returned: connections may wait in any of them.
   */
  obtain(wishes: readonly ListenWish[]): Listening {
    const faults: ListenFault[] = [];
    const fresh: { key: string; fd: number }[] = [];
    for (const wish of wishes) {
      try {
        this.#complete(wish, (fd) => fresh.push({ key: wish.key, fd }));
      } catch (error) {
        const { code = "EIO", message } = error as NodeJS.ErrnoException;
        faults.push({ key: wish.key, code, message });
        if (this.#open.get(wish.key)?.fds.length === 0) this.#open.delete(wish.key);
      }
    }
    if (faults.length > 0) {
      for (const { key, fd } of fresh.reverse()) this.#giveUp(key, fd);
      return { keys: [], fds: [], faults };
    }
    const sockets = wishes.flatMap((w) => this.#open.get(w.key)!.fds.map((fd) => [w.key, fd]));
    return {
      keys: sockets.map(([key]) => key as string),
      fds: sockets.map(([, fd]) => fd as number),
      faults,
    };
  }

  /** Closes the sockets of every other key. */
  keep(keys: Iterable<string>): void {
    const wanted = new Set(keys);
    for (const key of [...this.#open.keys()]) if (!wanted.has(key)) this.#closeKey(key);
  }

  closeAll(): void {
    this.keep([]);
  }

  /**
   * Opens what is missing for one wish and tells `opened` of each socket. Throws at the first
   * fault.
   */
  #complete(wish: ListenWish, opened: (fd: number) => void): void {
    const tcp = wish.address.kind === "inet";
    let entry = this.#open.get(wish.key);
    if (!entry) {
      // SO_REUSEPORT would let us share a port with a stranger of our own user, such as another
      // weir.
      if (tcp) this.#make.checkFree(wish.address);
      entry = { wish, fds: [] };
      this.#open.set(wish.key, entry);
    }
    const count = tcp ? wish.count : 1;
    while (entry.fds.length < count) {
      const first = entry.fds[0];
      const address = first === undefined ? wish.address : this.#make.boundAddress(first);
      const fd = this.#make.listen(address, {
        backlog: wish.backlog,
        reusePort: tcp,
        v6Only: wish.v6Only,
        ...(wish.mode === undefined ? {} : { mode: wish.mode }),
      });
      entry.fds.push(fd);
      opened(fd);
    }
  }

  #giveUp(key: string, fd: number): void {
    const entry = this.#open.get(key)!;
    if (entry.fds.length === 1) this.#closeKey(key);
    else {
      entry.fds.splice(entry.fds.indexOf(fd), 1);
      this.#make.close(fd);
    }
  }

  #closeKey(key: string): void {
    const { wish, fds } = this.#open.get(key)!;
    this.#open.delete(key);
    // The file goes first: a client that still finds it must find somebody listening.
    if (wish.address.kind === "unix") this.#make.remove(wish.address.path);
    for (const fd of fds) this.#make.close(fd);
  }
}
