import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ask, askJson } from "./client.ts";

async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "weir-client-"));
  const path = join(directory, "admin.sock");
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true });
  });
  return path;
}

test("asks and understands", async (t) => {
  const socket = await serve(t, (request, response) => {
    request.setEncoding("utf8").on("data", (body) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ method: request.method, url: request.url, body }));
    });
  });
  assert.deepEqual(await askJson(socket, "/x?y", { method: "POST", body: { a: 1 } }), {
    method: "POST",
    url: "/x?y",
    body: '{"a":1}',
  });
});

test("a refusal is thrown under its own code", async (t) => {
  const socket = await serve(t, (_, response) => {
    response.writeHead(409).end('{"code":"SAFETY_REFUSED","message":"the last one"}');
  });
  await assert.rejects(askJson(socket, "/"), { code: "SAFETY_REFUSED", message: "the last one" });
  assert.equal((await ask(socket, "/")).status, 409);
});

test("nobody there, and nobody answering, is DAEMON_UNREACHABLE", async (t) => {
  await assert.rejects(ask("/nowhere/weir.sock", "/"), { code: "DAEMON_UNREACHABLE" });
  const socket = await serve(t, () => {});
  await assert.rejects(ask(socket, "/", { timeoutMs: 20 }), {
    code: "DAEMON_UNREACHABLE",
    message: /no answer within 0.02 s/,
  });
});
