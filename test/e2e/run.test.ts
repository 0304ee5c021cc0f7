import assert from "node:assert/strict";
import { test } from "node:test";
import { startWeir } from "#kit/weir.ts";

const proxy = (web: number): string => `
frontends:
  web: { bind: 127.0.0.1:${web}, default: app }
backends:
  app:
    servers: { a: 127.0.0.1:9 }
`;

test("serves, answers commands, and stops in order", async (t) => {
  const weir = await startWeir(t, (g) => proxy(g.port("web")));
  const answer = await fetch(`http://127.0.0.1:${weir.port()}/`);
  assert.equal(answer.status, 503);
  await answer.text();
  assert.equal((await weir.admin("/livez")).status, 200);
  const { code, err } = await weir.stop();
  assert.equal(code, 0);
  assert.match(err, /stopped\n$/);
});
