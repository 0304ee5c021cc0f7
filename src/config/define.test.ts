import assert from "node:assert/strict";
import { it } from "node:test";
import { compileConfig } from "./compile.ts";
import { defineConfig } from "./define.ts";

it("the types of a configuration are those of the declarations", () => {
  const config = defineConfig({
    engine: { threads: "auto", memory: "64m", drain: "1m30s" },
    log: "json",
    monitor: { bind: "off" },
    defaults: { timeouts: { connect: "2s" }, retryOn: ["connect", "502"] },
    frontends: {
      web: {
        bind: [":80", { address: "[::1]:80", backlog: 10 }],
        rules: [{ when: { host: "a.example", not: { method: "POST" } }, use: "web" }],
        errorPages: { 503: "sorry" },
      },
    },
    director: { interfaces: ["eth0"], connections: 65_536, timeouts: { udp: "30s" } },
    services: {
      dns: {
        bind: ["10.0.0.1:53", "[fd00::1]:53"],
        protocol: ["udp", "tcp"],
        method: "tun",
        tunnel: "gre",
        persistence: "5m",
        backend: "dns",
      },
    },
    backends: {
      dns: { servers: { a: "10.0.0.3:53" } },
      web: {
        balance: { type: "random", draws: 3 },
        check: { type: "http", path: "/health", interval: "2s" },
        agent: false,
        servers: { a: "10.0.0.1:80", b: { address: "10.0.0.2:80", slowStart: "30s" } },
      },
    },
  });
  assert.deepEqual(compileConfig([{ file: "weir.config.ts", value: config }]).faults, []);

  // @ts-expect-error a bare number is no duration
  defineConfig({ defaults: { timeouts: { connect: 5 } } });
  // @ts-expect-error no such keyword
  defineConfig({ engine: { thread: 1 } });
  // @ts-expect-error no such format
  defineConfig({ log: { format: "httplogg" } });
  // @ts-expect-error no such condition
  defineConfig({ frontends: { web: { rules: [{ when: { hots: "a" }, use: "web" }] } } });
  // @ts-expect-error no such method
  defineConfig({ services: { web: { bind: "10.0.0.1:80", method: "masq", backend: "web" } } });
  // @ts-expect-error an address is text
  defineConfig({ backends: { web: { servers: { a: 80 } } } });
});
