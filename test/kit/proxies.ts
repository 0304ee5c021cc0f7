import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { PAGE_SIZES } from "#io/pages.ts";
import { openFds } from "./descriptors.ts";
import { unusable } from "./drivers.ts";
import { connectTo, type Peer } from "./peer.ts";
import { type Left, type ProxyOptions, TestProxy } from "./proxy.ts";
import { RawServer } from "./raw-server.ts";

/** What a proxy without peers has; the memory is for itself: room for one address. */
const CLEAN: Left = {
  connections: 0,
  upstreams: 0,
  exchanges: 0,
  pageBytes: PAGE_SIZES[0]!,
  gauges: [],
};

/** What a test of the proxy gets; everything made with it ends with the test. */
export class Bench {
  readonly #driver: "io_uring" | "epoll";
  readonly #ends: (() => void)[] = [];
  #proxies: TestProxy[] = [];

  constructor(driver: "io_uring" | "epoll") {
    this.#driver = driver;
  }

  async server(): Promise<RawServer> {
    const server = await new RawServer().start();
    this.#ends.push(() => server.stop());
    return server;
  }

  /** A proxy with this configuration. */
  proxy(text: string, options: Omit<ProxyOptions, "driver"> = {}): TestProxy {
    const proxy = new TestProxy(text, { ...options, driver: this.#driver });
    this.#proxies.push(proxy);
    return proxy;
  }

  /**
   * A proxy with one frontend `web` and one backend `web` over these servers, called a, b, c …;
   * `frontend` and `backend` are further keywords in flow style, each beginning with a comma.
   */
  simple(servers: readonly RawServer[], frontend = "", backend = "", more = ""): TestProxy {
    return this.proxy(simple(servers, frontend, backend, more));
  }

  async client(proxy: TestProxy, port = proxy.port, host = "127.0.0.1"): Promise<Peer> {
    const peer = await connectTo(port, host);
    this.#ends.push(() => peer.destroy());
    return peer;
  }

  /** A proxy in front of one server, and a client of it. */
  async trio(
    frontend = "",
    backend = "",
  ): Promise<{ proxy: TestProxy; server: RawServer; client: Peer }> {
    const server = await this.server();
    const proxy = this.simple([server], frontend, backend);
    return { proxy, server, client: await this.client(proxy) };
  }

  /** Ends every peer; the proxies must then come to rest by themselves. */
  async end(): Promise<void> {
    for (const end of this.#ends) end();
    const left: Left[] = [];
    // Those that a test stopped itself it has looked at.
    this.#proxies = this.#proxies.filter((proxy) => !proxy.stopped);
    for (const proxy of this.#proxies) {
      await proxy.empty();
      left.push(proxy.left());
    }
    for (const proxy of this.#proxies) proxy.stop();
    for (const [i, each] of left.entries()) {
      // One that was told to end within a time may have cut what was there.
      if (this.#proxies[i]!.loop.ended) continue;
      assert.deepEqual(each, CLEAN, "left when all peers had gone");
    }
  }

  /** Ends everything without looking, as after a failure. */
  abandon(): void {
    for (const end of this.#ends) end();
    for (const proxy of this.#proxies) proxy.stop();
  }
}

/** The configuration of Bench.simple. */
export function simple(
  servers: readonly RawServer[],
  frontend = "",
  backend = "",
  more = "",
): string {
  const named = servers.map((s, i) => `${String.fromCharCode(97 + i)}: "127.0.0.1:${s.port}"`);
  return [
    `frontends: { web: { bind: "127.0.0.1:0", default: web${frontend} } }`,
    `backends: { web: { servers: { ${named.join(", ")} }${backend} } }`,
    more,
  ].join("\n");
}

type Run = (bench: Bench, t: TestContext) => Promise<void>;

/** Runs a group of tests of the proxy once over each driver; each must leave nothing behind. */
export function overProxies(
  title: string,
  declare: (proxyTest: (title: string, run: Run) => void) => void,
): void {
  for (const driver of ["io_uring", "epoll"] as const) {
    describe(`${driver}: ${title}`, { skip: unusable(driver) }, () => {
      declare((testTitle, run) => {
        test(testTitle, async (t) => {
          const before = openFds();
          const bench = new Bench(driver);
          t.after(() => bench.abandon());
          await run(bench, t);
          await bench.end();
          for (let n = 0; openFds() > before && n < 1000; n++) await new Promise(setImmediate);
          assert.equal(openFds(), before, "descriptors leak");
        });
      });
    });
  }
}
