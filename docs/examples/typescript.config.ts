// The same language in TypeScript: for configurations that repeat themselves.
//
//   weir check -f docs/examples/typescript.config.ts
import { defineConfig } from "weir/config";

const zones = ["red", "green", "blue"] as const;

export default defineConfig({
  defaults: { check: { type: "http", path: "/health", interval: "1s" } },
  frontends: {
    web: {
      bind: "127.0.0.1:8080",
      rules: zones.map((zone) => ({ when: { host: `${zone}.example.com` }, use: zone })),
      default: "red",
    },
  },
  backends: Object.fromEntries(
    zones.map((zone, i) => [
      zone,
      { servers: { a: `127.0.0.1:${9000 + 10 * i}`, b: `127.0.0.1:${9001 + 10 * i}` } },
    ]),
  ),
});
