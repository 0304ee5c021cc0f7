import { type Hook, hookedDevices } from "#io/bpf/hook.ts";
import { interfaceIndex, type Netlink } from "#io/netlink.ts";
import type { DirectorPlan } from "#plan/plan.ts";
import { attach, detach } from "./attach.ts";
import type { Kernel } from "./kernel.ts";

/** Where an interface's packets are taken, or why not. */
export interface Taking {
  readonly device: string;
  readonly hook: Hook | undefined;
  readonly problem: string | undefined;
}

type Wanted = Pick<DirectorPlan, "interfaces" | "hook">;

/** Has the director's program take packets at interfaces, for as long as each is the same one. */
export class Interfaces {
  readonly #kernel: Kernel;
  readonly #netlink: Netlink;
  #wanted: Wanted = { interfaces: [], hook: "auto" };
  /** By device; 0: there was none. */
  #indices: ReadonlyMap<string, number> = new Map();
  #taking: readonly Taking[] = [];
  /** Where we have put it; before that, the control before may have put something anywhere. */
  #ours: readonly string[] | undefined;

  constructor(kernel: Kernel, netlink: Netlink) {
    this.#kernel = kernel;
    this.#netlink = netlink;
  }

  get taking(): readonly Taking[] {
    return this.#taking;
  }

  /** Takes packets of these interfaces and no others. What failed before is tried again. */
  apply(wanted: Wanted): void {
    const isSame =
      this.#wanted.hook === wanted.hook &&
      this.#wanted.interfaces.join() === wanted.interfaces.join();
    this.#wanted = wanted;
    if (isSame && this.#taking.every(({ problem }) => problem === undefined)) return;
    this.#take();
  }

  /**
   * Takes packets of interfaces that have come, or have been made anew, and tries again what
   * failed. To be called every second. Returns what is different now.
   */
  follow(): readonly Taking[] {
    const [taking, indices] = [this.#taking, this.#indices];
    const isToDo = taking.some(({ device, problem }) => {
      const index = indexOf(device);
      return index !== indices.get(device) || (problem !== undefined && index !== 0);
    });
    if (!isToDo) return [];
    this.#take();
    return this.#taking.filter(
      ({ device, problem }, i) =>
        this.#indices.get(device) !== indices.get(device) || problem !== taking[i]!.problem,
    );
  }

  #take(): void {
    const { folder, programs } = this.#kernel;
    const { interfaces, hook } = this.#wanted;
    this.#indices = new Map(interfaces.map((device) => [device, indexOf(device)]));
    this.#taking = interfaces.map((device) => {
      try {
        const taken = attach(folder, this.#netlink, programs.weir_director, device, hook);
        return { device, hook: taken, problem: undefined };
      } catch (error) {
        return { device, hook: undefined, problem: (error as Error).message };
      }
    });
    // At others there may be what looks for answers to checks (probes.ts), but none at the first.
    for (const device of this.#ours ?? hookedDevices(folder, "ingress")) {
      if (!interfaces.includes(device)) detach(folder, this.#netlink, device);
    }
    this.#ours = interfaces;
  }
}

function indexOf(device: string): number {
  try {
    return interfaceIndex(device);
  } catch {
    return 0;
  }
}
