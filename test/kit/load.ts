import { Agent, get } from "node:http";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "./until.ts";

export interface LoadResult {
  /** Answers of status 200. */
  readonly good: number;
  /** Everything else, in words. */
  readonly failures: readonly string[];
}

export interface Load {
  /** Answers so far. */
  readonly answers: number;
  /** Resolves when this many answers more have come. */
  more(count: number): Promise<void>;
  /** Lets the requests under way end. */
  stop(): Promise<LoadResult>;
}

/** Where nobody answers, a client need not ask as fast as it can. */
const AFTER_FAILURE_MS = 5;
/** A client that hears nothing for this long gives up. */
const SILENCE_MS = 30_000;

/**
 * Requests one after the other on each of some kept connections, until told to stop, or the test
 * ends.
 */
export function startLoad(t: TestContext, port: number, connections = 8, path = "/"): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const failures: string[] = [];
  let good = 0;
  let stopped = false;
  const answers = (): number => good + failures.length;
  const client = async (): Promise<void> => {
    while (!stopped) {
      const ending = await request(port, path, agent);
      if (ending === undefined) good++;
      else {
        failures.push(ending);
        await sleep(AFTER_FAILURE_MS);
      }
    }
  };
  t.after(() => {
    stopped = true;
    agent.destroy();
  });
  const clients = Array.from({ length: connections }, client);
  return {
    get answers() {
      return answers();
    },
    async more(count) {
      const at = answers() + count;
      await until(`${count} more answers`, () => answers() >= at);
    },
    async stop() {
      stopped = true;
      await Promise.all(clients);
      agent.destroy();
      return { good, failures };
    },
  };
}

/** One request: undefined when it was answered with 200, else what happened. */
function request(port: number, path: string, agent: Agent): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sent = get({ host: "127.0.0.1", port, path, agent }, (response) => {
      response.on("error", (error) => resolve(`body: ${error.message}`));
      response.resume().on("end", () => {
        resolve(response.statusCode === 200 ? undefined : `status ${response.statusCode}`);
      });
    });
    sent.on("error", (error) => resolve(error.message));
    sent.setTimeout(SILENCE_MS, () => sent.destroy(new Error("no answer")));
  });
}
