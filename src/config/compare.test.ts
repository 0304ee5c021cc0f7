import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareModels, describeChange } from "./compare.ts";
import { compileConfig } from "./compile.ts";
import type { Model } from "./model/document.ts";

function modelOf(text: string): Model {
  const { model, faults } = compileConfig([{ file: "f", text }]);
  assert.ok(model, JSON.stringify(faults));
  return model;
}

const base = `
frontends: { web: { bind: ":80", default: web } }
backends: { web: { servers: { a: 10.0.0.1:80, b: 10.0.0.2:80 } } }
`;
const changes = (text: string): string[] =>
  compareModels(modelOf(base), modelOf(text)).map(describeChange);

describe("comparing configurations", () => {
  it("finds nothing between equals, however they are written", () => {
    assert.deepEqual(
      changes(`
engine: { drain: 30s }
defaults: { balance: roundrobin }
frontends: { web: { bind: { address: "0.0.0.0:80" }, rules: [], default: web } }
backends: { web: { servers: { b: { address: "10.0.0.2:80", weight: 1 }, a: 10.0.0.1:80 } } }
`),
      [],
    );
  });

  it("names every keyword that differs, as it would be written", () => {
    assert.deepEqual(
      changes(`
engine: { threads: 3, drain: 1m }
log: combined
monitor: { bind: off }
frontends:
  web: { bind: [":80", ":81"], default: web, rules: [{ name: x, when: { path: /a }, deny: 403 }] }
  api: { bind: ":82", default: web }
backends:
  web:
    balance: { type: random, draws: 4 }
    check: http
    timeouts: { connect: 1s }
    servers: { a: { address: 10.0.0.1:80, weight: 9 }, c: 10.0.0.3:80 }
`),
      [
        "~ engine.threads: auto → 3 (needs a restart)",
        "~ engine.drain: 30s → 1m",
        "~ monitor.bind: 127.0.0.1:8404 → off",
        "~ frontends.web.bind: 0.0.0.0:80 → [0.0.0.0:80, 0.0.0.0:81]",
        "~ frontends.web.log.format: httplog → combined",
        "~ frontends.web.rules: [] → [{ name: x, when: { path: /a }, deny: 403 }]",
        "+ frontends.api: { bind: 0.0.0.0:82, log: combined, default: web }",
        "~ backends.web.servers.a.weight: 1 → 9",
        "- backends.web.servers.b: 10.0.0.2:80",
        "+ backends.web.servers.c: 10.0.0.3:80",
        "~ backends.web.balance: roundrobin → { type: random, draws: 4 }",
        "+ backends.web.check: http",
        "~ backends.web.timeouts.connect: 5s → 1s",
      ],
    );
  });

  it("tells of services as of frontends, and of what the director has fixed at start", () => {
    const layer4 = `director: { interfaces: eth0, connections: 4096, pins: a, connReuse: 0 }
services: { web: { bind: ["10.0.0.1:*", "[fd00::1]:80-90"], method: tun, backend: web } }
${base}`;
    assert.deepEqual(changes(layer4), [
      "~ director.interfaces: [] → eth0",
      "~ director.connections: 1048576 → 4096 (needs a restart)",
      "~ director.pins: weir → a (needs a restart)",
      "~ director.connReuse: 1 → 0",
      '+ services.web: { bind: ["10.0.0.1:*", "[fd00::1]:80-90"], method: tun, backend: web }',
    ]);
  });

  it("tells of a changed default where it is in force", () => {
    assert.deepEqual(changes(`defaults: { retries: 0 }\n${base}`), [
      "~ backends.web.retries: 3 → 0",
    ]);
  });
});
