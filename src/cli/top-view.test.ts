import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeControl } from "#kit/fake-control.ts";
import { Sampler } from "#monitor/sampler.ts";
import { statusDocument } from "#monitor/status.ts";
import { createStyle, unstyled } from "./style.ts";
import { sparkline, topView } from "./top-view.ts";

function view(change: Partial<Parameters<typeof topView>[0]> = {}): string[] {
  const control = new FakeControl();
  const sampler = new Sampler(control.board, control.timers);
  sampler.sample(control.plan());
  control.serve(5);
  control.serve(50, { server: 1 });
  control.timers.advance(1000);
  sampler.sample(control.plan());
  return topView({
    status: statusDocument(control, sampler),
    history: sampler.history.document(),
    sort: "configured",
    style: createStyle(false),
    columns: 200,
    rows: 50,
    keys: "q quit",
    ...change,
  });
}

const servers = (lines: readonly string[]) =>
  lines.filter((line) => /^(app|api)\//.test(line)).map((line) => line.split(" ")[0]);

describe("the view of weir top", () => {
  it("sorts as asked, highest first", () => {
    assert.deepEqual(servers(view()), ["app/a", "app/b", "api/c"]);
    assert.deepEqual(servers(view({ sort: "req/s" })), ["app/b", "app/a", "api/c"]);
  });

  it("fits the terminal, colours or not", () => {
    for (const style of [createStyle(false), createStyle(true)]) {
      const lines = view({ columns: 60, rows: 9, style });
      assert.equal(lines.length, 9);
      for (const line of lines) assert.ok(unstyled(line).length <= 60, line);
      assert.match(unstyled(lines.at(-2)!), /^… \d+ more$/);
      assert.equal(unstyled(lines.at(-1)!), "q quit");
    }
  });
});

describe("sparkline", () => {
  it("scales to the highest value and leaves gaps blank", () => {
    assert.equal(sparkline([0, null, 1, 4, 8], 5), "  ▁▄█");
    assert.equal(sparkline([9, 9, 1, 2], 2), "▄█");
    assert.equal(sparkline([], 5), "");
  });
});
