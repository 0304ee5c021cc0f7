import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { get, readAnswer } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";

const SIZES = [0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 16_384, 65_536, 300_000, 1 << 20];

/** Bytes that repeat nowhere near a buffer's length. */
function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0, x = 12345; i < size; i++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = x >>> 16;
  }
  return bytes;
}

const hash = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** The same bytes as chunks of odd sizes. */
function chunks(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7) % 40_009) {
    const part = bytes.subarray(at, at + Math.max(1, size));
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n"));
    size = part.length;
  }
  parts.push(Buffer.from("0\r\n\r\n"));
  return Buffer.concat(parts);
}

overProxies("sizes of bodies", (proxyTest) => {
  for (const size of SIZES) {
    const bytes = noise(size);
    const sum = hash(bytes);

    proxyTest(`${size} bytes to the client, three framings`, async (bench) => {
      const { server, client, proxy } = await bench.trio();
      const heads = [
        [`Content-Length: ${size}\r\n`, bytes],
        ["Transfer-Encoding: chunked\r\n", chunks(bytes)],
        ["Connection: close\r\n", bytes],
      ] as const;
      for (const [fields, body] of heads) {
        client.write(get());
        const { peer } = await server.request();
        peer.write(`HTTP/1.1 200 OK\r\n${fields}\r\n`).write(body).end();
        const answer = await readAnswer(client);
        assert.equal(answer.body.length, size, fields);
        assert.equal(hash(answer.body), sum, fields);
        await proxy.quiet();
      }
    });

    proxyTest(`${size} bytes to the server, two framings`, async (bench) => {
      const { server, client } = await bench.trio("", ", reuse: never");
      client.write(`POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`).write(bytes);
      const first = await server.request();
      assert.match(first.head, new RegExp(`Content-Length: ${size}\r\n`));
      assert.equal(hash(await first.peer.take(size)), sum);
      first.peer.write("HTTP/1.1 204 No Content\r\n\r\n");
      assert.equal((await readAnswer(client)).status, 204);

      client.write("POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
      client.write(chunks(bytes));
      const second = await server.request();
      assert.match(second.head, /Transfer-Encoding: chunked\r\n/);
      const wanted = chunks(bytes).length;
      assert.deepEqual(await second.peer.take(wanted), chunks(bytes));
      second.peer.write("HTTP/1.1 204 No Content\r\n\r\n");
      assert.equal((await readAnswer(client)).status, 204);
    });
  }

  proxyTest("both ways at once", async (bench) => {
    const { server, client } = await bench.trio();
    const bytes = noise(300_000);
    client.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes.length}\r\n\r\n`);
    const { peer } = await server.request();
    peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n\r\n`);
    await client.head();
    for (let at = 0; at < bytes.length; at += 10_000) {
      client.write(bytes.subarray(at, at + 10_000));
      const part = await peer.take(Math.min(10_000, bytes.length - at));
      assert.equal(hash(part), hash(bytes.subarray(at, at + 10_000)));
      peer.write(part);
      assert.equal((await client.take(part.length)).equals(part), true);
    }
  });
});
