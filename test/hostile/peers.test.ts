/**
 * The same hostile requests at HAProxy and nginx, where they are installed, before the same
 * distrustful server: what each lets through. It prints a comparison and judges nobody; what we do
 * is asserted in http1.test.ts, where nothing passes. WEIR_COMPARE=1 prints every case. Some of
 * what passes is harmless, having been written anew (nginx does so with chunks); what is malformed
 * as it came is not.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { PEERS, type PeerProxy, startPeer, versionOf } from "#kit/peer-proxies.ts";
import { RawClient, readAnswers } from "#kit/raw-client.ts";
import { Recorder } from "#kit/recorder.ts";
import { HOSTILE_REQUESTS, type HostileRequest, SMUGGLED } from "./requests.ts";

/** Cases played at the same time, each at a port and a server of its own. */
const LANES = 12;
const QUIET_MS = 60;
const MOST_MS = 1500;

/** What became of a case. */
interface Outcome {
  readonly status: string;
  /** Whole requests that reached the server and should not have. */
  readonly passed: readonly string[];
  /** What reached the server and is not HTTP as the RFC has it. */
  readonly faults: readonly string[];
}

/** Sends it and waits for an end, or for silence after an answer. */
async function talk(t: TestContext, port: number, bytes: string): Promise<string> {
  const client = await RawClient.connect(t, port);
  client.send(bytes);
  const beganMs = performance.now();
  let lastMs = beganMs;
  let seen = 0;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const nowMs = performance.now();
    if (client.text.length > seen) lastMs = nowMs;
    seen = client.text.length;
    const quiet = seen > 0 && nowMs - lastMs > QUIET_MS;
    if (client.ended !== "open" || quiet || nowMs - beganMs > MOST_MS) break;
  }
  client.destroy();
  return client.text;
}

async function play(t: TestContext, port: number, server: Recorder, hostile: HostileRequest) {
  const text = await talk(t, port, hostile.bytes + SMUGGLED);
  const { answers } = readAnswers(text);
  const { targets, faults } = server.take();
  const allowed = [...hostile.reaches];
  const passed = targets.filter((target) => {
    const i = allowed.indexOf(target);
    if (i >= 0) allowed.splice(i, 1);
    return i < 0;
  });
  const status = answers.map(({ head }) => head.status).join(" ") || (text ? "?" : "-");
  return { status, passed, faults };
}

async function compare(t: TestContext, peer: PeerProxy): Promise<Outcome[]> {
  const servers = Array.from({ length: LANES }, () => new Recorder());
  t.after(() => servers.forEach((server) => void server.stop()));
  const serverPorts = await Promise.all(servers.map((server) => server.start()));
  const ports = await startPeer(t, peer, serverPorts);
  const outcomes: Outcome[] = [];
  let next = 0;
  const lane = async (i: number): Promise<void> => {
    while (next < HOSTILE_REQUESTS.length) {
      const number = next++;
      outcomes[number] = await play(t, ports[i]!, servers[i]!, HOSTILE_REQUESTS[number]!);
    }
  };
  await Promise.all(servers.map((_, i) => lane(i)));
  return outcomes;
}

for (const peer of PEERS) {
  const version = versionOf(peer);
  test(`${version ?? peer.name} on the same requests`, async (t) => {
    if (version === undefined) return t.skip(`${peer.name} is not installed`);
    const outcomes = await compare(t, peer);
    assert.equal(outcomes.length, HOSTILE_REQUESTS.length);
    const rows = outcomes.map((outcome, i) => ({ ...outcome, name: HOSTILE_REQUESTS[i]!.name }));
    const through = rows.filter(({ passed, faults }) => passed.length + faults.length > 0);
    const malformed = rows.filter(({ faults }) => faults.length > 0);
    t.diagnostic(
      `${rows.length} requests: ${rows.length - through.length} kept from the server, ` +
        `${through.length} let through, ${malformed.length} of them malformed as they came`,
    );
    if (!process.env["WEIR_COMPARE"]) return;
    for (const { name, status, passed, faults } of through) {
      const what = [...passed, ...faults.map((fault) => JSON.stringify(fault.slice(0, 60)))];
      t.diagnostic(`${name} | ${status} | ${what.join(", ")}`);
    }
  });
}
