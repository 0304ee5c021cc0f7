import type { TestContext } from "node:test";
import { RawClient } from "./raw-client.ts";

/** What became of people who only wanted to be served meanwhile. */
export interface Served {
  readonly answers: number;
  /** Whatever was not their own answer, in words. */
  readonly failures: readonly string[];
  readonly slowestMs: number;
}

/**
 * Clients that ask a server which answers `METHOD target`, one request after the other on kept
 * connections, a few milliseconds apart, until told to stop. They show whether others are harmed.
 */
export class Bystanders {
  readonly #t: TestContext;
  readonly #port: number;
  readonly #running: Promise<void>[];
  readonly #failures: string[] = [];
  #answers = 0;
  #slowestMs = 0;
  #stopped = false;

  constructor(t: TestContext, port: number, count = 3) {
    this.#t = t;
    this.#port = port;
    t.after(() => {
      this.#stopped = true;
    });
    this.#running = Array.from({ length: count }, (_, who) => this.#ask(who));
  }

  get answers(): number {
    return this.#answers;
  }

  async stop(): Promise<Served> {
    this.#stopped = true;
    await Promise.all(this.#running);
    return { answers: this.#answers, failures: this.#failures, slowestMs: this.#slowestMs };
  }

  async #ask(who: number): Promise<void> {
    let client: RawClient | undefined;
    for (let n = 0; !this.#stopped; n++) {
      const beganMs = performance.now();
      try {
        client ??= await RawClient.connect(this.#t, this.#port);
        await this.#once(client, `/own/${who}/${n}`);
        if (client.ended !== "open") client = undefined;
      } catch (error) {
        if (!this.#stopped) this.#failures.push((error as Error).message);
        client = undefined;
      }
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - beganMs);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    client?.destroy();
  }

  async #once(client: RawClient, target: string): Promise<void> {
    client.text = "";
    client.send(`GET ${target} HTTP/1.1\r\nHost: bystander.example\r\n\r\n`);
    const [answer] = await client.answers(1);
    if (answer?.body === `GET ${target}\n`) this.#answers++;
    else this.#failures.push(`${target}: ${client.ended}, ${JSON.stringify(client.text)}`);
  }
}
