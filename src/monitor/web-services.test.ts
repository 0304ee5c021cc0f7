import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeControl } from "#kit/fake-control.ts";
import { type MiniElement, miniDocument } from "#kit/mini-dom.ts";
import { Sampler } from "./sampler.ts";
import { statusDocument } from "./status.ts";

const SERVICES = `
director: { interfaces: eth0 }
services:
  web: { bind: 192.0.2.1:80, method: nat, backend: app }
  dns: { bind: 192.0.2.1:53, protocol: udp, method: dr, backend: app }
backends: { app: { balance: wlc, servers: { a: 10.0.0.1:0, b: "10.0.0.2:0" } } }
`;

/** Rows as they read, cell by cell. */
const rowsOf = (table: MiniElement): string[] =>
  table.children.flatMap((body) =>
    body.children.map((row) => row.cells.map((cell) => cell.textContent).join("|")),
  );

test("the page shows services with their servers, and nothing where there are none", async (t) => {
  const byId = miniDocument(t);
  const url = new URL("./web/services.js", import.meta.url);
  const { showServices } = (await import(url.href)) as {
    showServices: (director: unknown, backends: unknown) => void;
  };
  const control = new FakeControl(SERVICES);
  const show = (): void => {
    const status = statusDocument(control, new Sampler(control.board, control.timers));
    showServices(status.director, status.backends);
  };
  const section = byId("services-section");
  section.hidden = true;
  show();
  assert.equal(section.hidden, false);
  assert.deepEqual(rowsOf(byId("services")), [
    "webtcp 192.0.2.1:80 · nat · wlc|2 of 2 usable||0|0|0|0|0|0 B/s|0 B/s",
    "a10.0.0.1|unchecked|1|0|0|0|0|0|0 B/s|0 B/s",
    "b10.0.0.2|unchecked|1|0|0|0|0|0|0 B/s|0 B/s",
    "dnsudp 192.0.2.1:53 · dr · wlc|2 of 2 usable||0|0|0|0|0|0 B/s|0 B/s",
    "a10.0.0.1|unchecked|1|0|0|0|0|0|0 B/s|0 B/s",
    "b10.0.0.2|unchecked|1|0|0|0|0|0|0 B/s|0 B/s",
  ]);

  control.apply(SERVICES.replace("a: 10.0.0.1:0", "a: { address: 10.0.0.1:0, method: tun }"));
  show();
  assert.deepEqual(
    rowsOf(byId("services"))
      .slice(0, 3)
      .map((row) => row.split("|")[0]),
    ["webtcp 192.0.2.1:80 · tun+nat · wlc", "a10.0.0.1 · tun", "b10.0.0.2 · nat"],
  );

  control.apply(SERVICES);
  const [web] = control.director()!.services;
  const rates = { connections: 12, inPackets: 3400, outPackets: 5, inBytes: 2e6, outBytes: 7e3 };
  const [a] = web!.servers;
  const servers = [{ ...a!, active: 3, inactive: 1, weight: 0, rates }];
  const problem = "packets of eth0 are not taken";
  control.directorChange = { services: [{ ...web!, rates, servers }], problem };
  show();
  assert.deepEqual(rowsOf(byId("services")), [
    "webtcp 192.0.2.1:80 · nat · wlc|0 of 1 usable||3|1|12|3,400|5|2 MB/s|7 kB/s",
    "a10.0.0.1|unchecked|0|3|1|12|3,400|5|2 MB/s|7 kB/s",
  ]);
  assert.equal(byId("services-problem").textContent, `▼ ${problem}`);

  control.apply(
    "backends: { app: { servers: { a: 10.0.0.1:80 } } }\nfrontends: { w: { bind: ':80', default: app } }",
  );
  show();
  assert.equal(section.hidden, true);
});
