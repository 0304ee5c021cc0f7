import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeControl } from "#kit/fake-control.ts";
import { isReady, readiness } from "./readiness.ts";

const backends = "backends: { app: { servers: { a: 10.0.0.1:80 } } }\n";
const isWelcome = (config: string): boolean => isReady(readiness(new FakeControl(config)));

test("ready is who takes clients in: by frontends, by services, or not at all", () => {
  assert.equal(isWelcome(`frontends: { web: { bind: ":80", default: app } }\n${backends}`), true);
  const service = "{ bind: 10.0.0.9:80, method: dr, backend: app }";
  assert.equal(
    isWelcome(`director: { interfaces: eth0 }\nservices: { web: ${service} }\n${backends}`),
    true,
  );
  assert.equal(isWelcome(`frontends: {}\n${backends}`), false);
});

test("who does not take packets of its services is not ready, and says why", () => {
  const service = "{ bind: 10.0.0.9:80, method: dr, backend: app }";
  const control = new FakeControl(
    `director: { interfaces: [eth0, eth1] }\nservices: { web: ${service} }\n${backends}`,
  );
  const why = () => readiness(control).find(({ name }) => name === "director")!.text;
  assert.equal(why(), "takes packets of eth0, eth1");
  control.directorChange = { problem: "this kernel has no BPF" };
  assert.equal(isReady(readiness(control)), false);
  assert.equal(why(), "this kernel has no BPF");
  const taken = { device: "eth0", hook: "tcx", problem: undefined } as const;
  const missing = { device: "eth1", hook: undefined, problem: "there is none" };
  control.directorChange = { interfaces: [taken, missing] };
  assert.equal(isReady(readiness(control)), false);
  assert.equal(why(), "packets of eth1 are not taken: there is none");
});
