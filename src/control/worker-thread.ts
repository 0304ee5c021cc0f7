import { Worker } from "node:worker_threads";
import type { FromWorker, ToWorker, WorkerStart } from "#proxy/protocol.ts";

/** One worker thread as control sees it. */
export interface WorkerLink {
  post(message: ToWorker): void;
  /** Ends the thread wherever it is. */
  terminate(): void;
}

export interface WorkerHandlers {
  message(message: FromWorker): void;
  /** The thread is gone; `error` is what it died of. Comes once, after the last message. */
  exit(error: Error | undefined): void;
}

/** With null it is a spare: it loads its code and waits for the message `start`. */
export type SpawnWorker = (start: WorkerStart | null, handlers: WorkerHandlers) => WorkerLink;

/** Worker threads that run the module at `entry`. */
export function spawnWorkersOf(entry: URL): SpawnWorker {
  return (start, handlers) => {
    const worker = new Worker(entry, {
      workerData: start,
      name: start ? `worker ${start.index}` : "spare worker",
      // Standard output is for the access log; a worker has nothing to say there.
      stdout: false,
      stderr: false,
    });
    let error: Error | undefined;
    worker.on("message", (message: FromWorker) => handlers.message(message));
    worker.on("error", (cause) => {
      error = cause instanceof Error ? cause : new Error(String(cause));
    });
    worker.on("exit", () => handlers.exit(error));
    return {
      post: (message) => worker.postMessage(message),
      terminate: () => void worker.terminate(),
    };
  };
}
