import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionView } from "#control/api.ts";
import { FakeControl } from "#kit/fake-control.ts";
import { type ConnectionsQuery, findConnections } from "./tracked.ts";

const connection = (
  client: string,
  service: string,
  servicePort: number,
  serviceName = "",
): ConnectionView => ({
  protocol: 6,
  state: "ESTABLISHED",
  serviceName,
  ...{ client, clientPort: 1234, service, servicePort },
  server: "10.0.0.1",
  serverPort: 80,
  expiresMs: 900_000,
});

const control = new FakeControl(`
director: { interfaces: eth0 }
services:
  web: { bind: ["192.0.2.1:80", "192.0.2.1:5000-5999"], method: dr, backend: app }
  six: { bind: "[2001:db8::1]:80", method: dr, backend: six }
  far: { mark: 7, method: dr, backend: app }
backends: { app: { servers: { a: "10.0.0.1:80" } }, six: { servers: { a: "[fd00::1]:80" } } }
`);
control.tracked = [
  connection("198.51.100.1", "192.0.2.1", 80),
  connection("198.51.100.2", "192.0.2.1", 5500),
  connection("198.51.100.1", "192.0.2.1", 443),
  connection("2001:db8::7", "2001:db8::1", 80),
];

/** A client is sent to the same server, whatever port it comes to. */
const template = (service: string, servicePort: number): ConnectionView => ({
  ...connection("198.51.100.0", service, servicePort),
  ...{ template: true, state: "NONE", clientPort: 0 },
});

function found(query: Partial<ConnectionsQuery>) {
  const all = {
    limit: 100,
    most: 1000,
    service: undefined,
    client: undefined,
    onlyTemplates: false,
  };
  const answer = findConnections(control, { ...all, ...query });
  return typeof answer === "string"
    ? answer
    : [
        answer.connections.map((one) => control.tracked.indexOf(one)).join(""),
        answer.complete,
      ].join(" ");
}

test("connections are found by service and by client, in the table's order", () => {
  assert.equal(found({}), "0123 true");
  assert.equal(found({ limit: 2 }), "01 false");
  assert.equal(found({ limit: 4 }), "0123 true");
  assert.equal(found({ service: "web" }), "01 true");
  assert.equal(found({ service: "192.0.2.1" }), "012 true");
  assert.equal(found({ service: "192.0.2.1:443" }), "2 true");
  assert.equal(found({ service: "[2001:db8::1]:80" }), "3 true");
  assert.equal(found({ service: "2001:db8:0::1" }), "3 true");
  assert.equal(found({ client: "198.51.100.1" }), "02 true");
  assert.equal(found({ client: "198.51.100.1", service: "web", limit: 1 }), "0 true");
});

test("connections of a mark are found by the service's name, and are no others'", () => {
  const before = control.tracked;
  const more = [
    connection("198.51.100.1", "192.0.2.1", 80, "far"),
    connection("198.51.100.1", "192.0.2.9", 21, "far"),
    connection("198.51.100.1", "192.0.2.1", 80, "web"),
  ];
  control.tracked = [...before, ...more];
  assert.equal(found({ service: "far" }), "45 true");
  assert.equal(found({ service: "web" }), "016 true");
  assert.equal(found({ service: "192.0.2.1:80" }), "046 true");
  control.tracked = before;
});

test("a search that did not see the whole table says so", () => {
  assert.equal(found({ client: "198.51.100.2", most: 3 }), "1 false");
});

test("what cannot be looked for is refused", () => {
  assert.match(found({ service: "wbe" }), /there is no service "wbe"/);
  assert.match(found({ client: "me" }), /"me" is no address/);
});

test("templates are found as well, and alone", () => {
  const connections = control.tracked;
  control.tracked = [...connections, template("192.0.2.1", 0), template("2001:db8::1", 80)];
  assert.equal(found({}), "012345 true");
  assert.equal(found({ onlyTemplates: true }), "45 true");
  assert.equal(found({ onlyTemplates: true, limit: 1 }), "4 false");
  assert.equal(found({ service: "web" }), "014 true");
  assert.equal(found({ service: "192.0.2.1:443" }), "24 true");
  assert.equal(found({ service: "[2001:db8::1]:81" }), " true");
  control.tracked = connections;
});
