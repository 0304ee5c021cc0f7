import { listInterfaces } from "#io/interfaces.ts";
import type { Netlink } from "#io/netlink.ts";
import { attachExit, attachProbeAnswer, detach, detachExit, exitDevices } from "./attach.ts";
import type { Kernel } from "./kernel.ts";

/** An interface where packets of this machine are looked at when they leave. */
interface Exit {
  readonly name: string;
  /** Answers to checks are looked for there: the director takes no packets of it. */
  readonly answers: boolean;
  /** What went wrong. */
  readonly problem?: string;
}

export interface WantedExits {
  /** Indexes of interfaces that checks leave by. */
  readonly probed: ReadonlySet<number>;
  /** Names of those where the director takes packets. */
  readonly taken: readonly string[];
  /** Servers of this machine answer by the latter. */
  readonly isServing: boolean;
}

/**
 * Has the director's program look at packets of this machine where they leave: checks that go the
 * way of packets (bpf/probe.h), and what its own servers answer (bpf/here.h).
 */
export class Exits {
  readonly #kernel: Kernel;
  readonly #netlink: Netlink;
  /** By index. */
  #exits: ReadonlyMap<number, Exit> = new Map();

  constructor(kernel: Kernel, netlink: Netlink) {
    this.#kernel = kernel;
    this.#netlink = netlink;
  }

  /** There and nowhere else, from now on. What failed before is tried again. */
  apply({ probed, taken, isServing }: WantedExits): void {
    const isNeeded = isServing || probed.size > 0;
    const exits = new Map<number, Exit>();
    for (const { index, name, isLoopback } of isNeeded ? listInterfaces(this.#netlink) : []) {
      const isTaken = taken.includes(name);
      // What goes to ourselves leaves by no interface of interest.
      if (isLoopback || !(probed.has(index) || (isServing && isTaken))) continue;
      const answers = !isTaken;
      const before = this.#exits.get(index);
      const isSame = before?.name === name && before.answers === answers && !before.problem;
      exits.set(index, isSame ? before : this.#open(name, answers));
    }
    this.#exits = exits;
    const names = new Set([...exits.values()].map(({ name }) => name));
    const { folder } = this.#kernel;
    for (const name of exitDevices(folder)) {
      if (names.has(name)) continue;
      detachExit(folder, this.#netlink, name);
      if (!taken.includes(name)) detach(folder, this.#netlink, name);
    }
  }

  #open(name: string, answers: boolean): Exit {
    const { folder, programs } = this.#kernel;
    try {
      if (answers) attachProbeAnswer(folder, this.#netlink, programs.weir_probe_answer, name);
      attachExit(folder, this.#netlink, programs.weir_exit, name);
      return { name, answers };
    } catch (error) {
      return { name, answers, problem: `${name}: ${(error as Error).message}` };
    }
  }

  /** What is wrong at an interface, by its index. */
  problemAt(index: number): string | undefined {
    return this.#exits.get(index)?.problem;
  }
}
