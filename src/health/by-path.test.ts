import assert from "node:assert/strict";
import { test } from "node:test";
import { inet } from "#kit/health-plan.ts";
import { SimClock } from "#kit/sim-clock.ts";
import { byPath } from "./by-path.ts";
import type { CheckContext } from "./check.ts";

/** A context that writes down what is asked of it, with which mark. */
function listening(): { context: CheckContext; asked: string[]; timers: SimClock } {
  const asked: string[] = [];
  const timers = new SimClock();
  const hear =
    (what: string) =>
    (_to: unknown, { mark }: { mark?: number | undefined }) => {
      asked.push(`${what} ${mark}`);
      return () => {};
    };
  const context: CheckContext = {
    ...{ timers, timeoutMs: 100, run: () => assert.fail("runs no program") },
    ...{ dial: hear("dial"), datagram: hear("datagram"), ping: hear("ping") },
  };
  return { context, asked, timers };
}

function askAll({ dial, datagram, ping }: CheckContext, said: (what: unknown) => void): void {
  const timeoutMs = 100;
  const send = new Uint8Array();
  dial(inet(80), { timeoutMs, answerBytes: 0 }, said);
  datagram(inet(80), { timeoutMs, send, isAnswer: () => true }, said);
  ping("10.0.0.1", { timeoutMs, payloadBytes: 0, ttl: undefined }, said);
}

test("all that a check sends has its mark, or none", () => {
  const plain = listening();
  askAll(byPath(undefined, plain.context), () => {});
  assert.deepEqual(plain.asked, ["dial undefined", "datagram undefined", "ping undefined"]);
  const marked = listening();
  askAll(byPath({ mark: 7 }, marked.context), () => {});
  assert.deepEqual(marked.asked, ["dial 7", "datagram 7", "ping 7"]);
});

test("where there is no way nothing is sent: it is nobody's fault but ours, and said later", () => {
  const { context, asked, timers } = listening();
  const said: unknown[] = [];
  askAll(byPath({ problem: "no way" }, context), (what) => said.push(what));
  assert.deepEqual([said, asked], [[], []]);
  timers.advance(0);
  const failures = said.map(
    (what) => (what as { failure: { local: boolean; text: string } }).failure,
  );
  assert.equal(failures.length, 3);
  for (const { local, text } of failures) assert.deepEqual([local, text], [true, "no way"]);
});
