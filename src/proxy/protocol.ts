import type { BoardSizes } from "#plan/board.ts";
import type { Plan } from "#plan/plan.ts";

/**
 * What control and a worker thread say to each other. Messages go over the worker's MessagePort;
 * after posting one, control writes to the worker's wake descriptor, because a worker waits in its
 * ring and not in Node's event loop.
 */

/**
 * A listening descriptor of this process for one of a frontend's binds. It stays control's. A key
 * may come with more than one descriptor (an earlier engine had more threads): accept on all of
 * them.
 */
export interface WorkerListener {
  /** BindPlan.key */
  readonly key: string;
  readonly fd: number;
}

/** `workerData` of a new worker; null makes it a spare, which gets this with its first message. */
export interface WorkerStart {
  /** 0-based; the worker's rows on the Board. */
  readonly index: number;
  /** Descriptor of the Board's memfd in this process; the worker maps it for itself. */
  readonly boardFd: number;
  readonly boardSizes: BoardSizes;
  readonly plan: Plan;
  readonly listeners: readonly WorkerListener[];
}

export type ToWorker =
  /** To a spare, once: begin. */
  | { readonly type: "start"; readonly start: WorkerStart }
  /** Swap to this Plan at the top of the next turn; listeners not named are let go. */
  | { readonly type: "plan"; readonly plan: Plan; readonly listeners: readonly WorkerListener[] }
  /**
   * Take what the listeners' queues hold, then accept nothing new and say WORKER.STATE = 2; close
   * idle connections; exit when the last request ended or `withinMs` passed.
   */
  | { readonly type: "drain"; readonly withinMs: number }
  /** Like drain, at once. */
  | { readonly type: "stop" };

export type FromWorker =
  /** First message: the loop runs. `reason` says why this driver. */
  | {
      readonly type: "ready";
      readonly wakeFd: number;
      readonly driver: string;
      readonly reason: string;
      /**
       * Descriptors that live as long as the worker (ring or epoll, eventfd). A worker that dies
       * leaves them, and its sockets, alone: control closes them, and the sockets it finds in an
       * epoll set. One that ends in order closes everything itself before it says `drained`.
       */
      readonly fds: readonly number[];
    }
  /** The Plan of this generation is in force; descriptors of dropped listeners may be closed. */
  | { readonly type: "planned"; readonly generation: number }
  /** A new Plan could not be taken (a defect); the old one stays. */
  | { readonly type: "refused"; readonly generation: number; readonly message: string }
  | { readonly type: "log"; readonly level: "info" | "warning" | "error"; readonly text: string }
  /** Last message, when nothing of it is open any more: the worker exits by itself after it. */
  | { readonly type: "drained"; readonly cut: number };
