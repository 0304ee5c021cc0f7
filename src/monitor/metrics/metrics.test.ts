import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeControl } from "#kit/fake-control.ts";
import { syncStatusOf } from "#kit/sync-status.ts";
import { writeMetrics } from "./metrics.ts";
import { readMetricsQuery } from "./query.ts";

const ALL = readMetricsQuery(new URLSearchParams());
const OPEN = "application/openmetrics-text; version=1.0.0";

function scrape(control: FakeControl, accept = "", query = ALL): string {
  assert.notEqual(typeof query, "string");
  return writeMetrics(control, query as Exclude<typeof query, string>, accept).body;
}

/** Value of the one sample that is written so. */
function sample(body: string, name: string): number {
  const lines = body.split("\n").filter((line) => line.startsWith(`${name} `));
  assert.equal(lines.length, 1, `${name}: ${lines.length} samples`);
  return Number(lines[0]!.slice(name.length + 1));
}

/** What every scraper needs: one block a family, metadata first, no name or sample twice. */
function checkGrammar(body: string, open: boolean): void {
  const lines = body.trimEnd().split("\n");
  if (open) assert.equal(lines.pop(), "# EOF");
  const families = new Set<string>();
  const samples = new Set<string>();
  let family = "";
  let type = "";
  for (const line of lines) {
    const meta = /^# (HELP|TYPE|UNIT) (\S+) (.+)$/.exec(line);
    if (meta) {
      const [, kind, name, value] = meta;
      if (kind === "HELP") {
        assert.ok(!families.has(name!), `${name} comes twice`);
        families.add((family = name!));
      }
      if (kind === "TYPE") type = value!;
      if (kind === "UNIT") assert.ok(family.endsWith(value!), line);
      assert.equal(name, family);
      continue;
    }
    const m = /^([a-z_:0-9]+)(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? (-?[\d.e+-]+|NaN)$/.exec(
      line,
    );
    assert.ok(m, line);
    assert.ok(!samples.has(m[1]! + (m[2] ?? "")), `${line} comes twice`);
    samples.add(m[1]! + (m[2] ?? ""));
    const suffix = m[1]!.slice(family.length);
    const counted = open && type === "counter" ? "_total" : open && type === "info" ? "_info" : "";
    const allowed = type === "histogram" ? ["_bucket", "_sum", "_count"] : [counted];
    assert.ok(m[1]!.startsWith(family) && allowed.includes(suffix), `${line} in ${family}`);
  }
  assert.ok(families.size > 60);
}

describe("metrics", () => {
  it("follow both formats", () => {
    const control = new FakeControl();
    checkGrammar(scrape(control), false);
    checkGrammar(scrape(control, OPEN), true);
    assert.match(writeMetrics(control, ALL as never, OPEN).type, /^application\/openmetrics-text/);
    assert.match(writeMetrics(control, ALL as never, "*/*").type, /^text\/plain; version=0\.0\.4/);
  });

  it("sum the workers and tell classes apart", () => {
    const control = new FakeControl();
    control.serve(3);
    control.serve(4, { worker: 1, status: 5 });
    const body = scrape(control);
    assert.equal(sample(body, 'weir_frontend_requests_total{frontend="www"}'), 7);
    assert.equal(sample(body, 'weir_frontend_responses_total{frontend="www",code="5xx"}'), 4);
    assert.equal(sample(body, 'weir_server_requests_total{backend="app",server="a"}'), 7);
    assert.equal(
      sample(body, 'weir_server_response_seconds_total{backend="app",server="a"}'),
      0.007,
    );
  });

  it("have exact cumulative buckets", () => {
    const control = new FakeControl();
    control.serve(10, { us: 127 });
    control.serve(5, { us: 128 });
    control.serve(2, { us: 70_000_000, worker: 1 });
    const body = scrape(control);
    const name = "weir_frontend_request_duration_seconds";
    const bucket = (le: string) => sample(body, `${name}_bucket{frontend="www",le="${le}"}`);
    assert.equal(bucket("0.000128"), 10);
    assert.equal(bucket("0.000256"), 15);
    assert.equal(bucket("67.108864"), 15);
    assert.equal(bucket("+Inf"), 17);
    assert.equal(sample(body, `${name}_count{frontend="www"}`), 17);
    const sum = sample(body, `${name}_sum{frontend="www"}`);
    assert.ok(Math.abs(sum - 140) < 140 / 16, `${sum}`);
  });

  it("show states as gauges of their own", () => {
    const control = new FakeControl();
    control.setServer("app", "a", { admin: "maint" });
    const body = scrape(control);
    const state = (s: string) =>
      sample(body, `weir_server_admin_state{backend="app",server="a",state="${s}"}`);
    assert.deepEqual(["ready", "drain", "maint"].map(state), [0, 0, 1]);
    assert.equal(sample(body, 'weir_server_effective_weight{backend="app",server="a"}'), 0);
    assert.equal(sample(body, 'weir_server_effective_weight{backend="app",server="b"}'), 1);
    const quiet = readMetricsQuery(new URLSearchParams("no-maint&scope=server"));
    const less = scrape(control, "", quiet);
    assert.doesNotMatch(less, /server="a"/);
    assert.doesNotMatch(less, /weir_frontend/);
  });

  it("tell what the director counts, and nothing of it without services", () => {
    assert.doesNotMatch(scrape(new FakeControl()), /weir_director|weir_service/);
    const control = new FakeControl(`
director: { interfaces: [eth0, eth1] }
services: { web: { bind: "192.0.2.1:80", method: dr, backend: app } }
backends: { app: { servers: { a: "10.0.0.1:80", b: { address: "10.0.0.2:80", weight: 3 } } } }
`);
    const status = control.director()!;
    const { counts: idle } = syncStatusOf();
    const counts = { connections: 5, inPackets: 50, outPackets: 0, inBytes: 4000, outBytes: 0 };
    const servers = status.services[0]!.servers.map((server) => ({ ...server, active: 2, counts }));
    control.directorChange = {
      interfaces: [...status.interfaces.slice(1), { device: "x", hook: undefined, problem: "no" }],
      xdp: { packets: 42, interfaces: [{ device: "eth1", problem: "no" }] },
      incidents: { ...status.incidents!, NO_SERVER: 7 },
      sync: syncStatusOf({
        peers: [
          { address: "10.0.0.9", kind: "weir", role: "both", isLost: true, silentMs: 9000 },
          { address: "10.0.0.8", kind: "ipvs", role: undefined, isLost: false, silentMs: 1 },
        ],
        waiting: 3,
        counts: { ...idle, sentConnections: 11, refused: { ...idle.refused, server: 2 } },
      }),
      services: [{ ...status.services[0]!, servers, counts }],
    };
    const body = scrape(control);
    checkGrammar(scrape(control, OPEN), true);
    assert.equal(sample(body, "weir_director_connections_size"), 1_048_576);
    assert.equal(sample(body, 'weir_director_interface_up{interface="x"}'), 0);
    assert.equal(sample(body, 'weir_director_interface_xdp{interface="eth1"}'), 0);
    assert.equal(sample(body, "weir_director_xdp_packets_total"), 42);
    assert.equal(sample(body, 'weir_director_incidents_total{kind="no_server"}'), 7);
    const sync = (name: string) => sample(body, `weir_director_sync_${name}`);
    assert.equal(sync('up{interface="eth1",role="both"}'), 1);
    assert.equal(sync('peer_up{peer="10.0.0.9",kind="weir"}'), 0);
    assert.equal(sync('peer_up{peer="10.0.0.8",kind="ipvs"}'), 1);
    assert.deepEqual([sync("waiting"), sync("sent_connections_total")], [3, 11]);
    assert.equal(sync('refused_total{reason="server"}'), 2);
    assert.equal(sample(body, 'weir_service_active_connections{service="web"}'), 4);
    assert.equal(sample(body, 'weir_service_in_bytes_total{service="web"}'), 4000);
    assert.equal(sample(body, 'weir_service_server_weight{service="web",server="b"}'), 3);
  });

  it("refuse a scope that is none", () => {
    assert.match(readMetricsQuery(new URLSearchParams("scope=all")) as string, /unknown scope/);
  });
});
