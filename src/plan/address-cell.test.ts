import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { ADDRESS_MAX_BYTES, readAddress, writeAddress } from "./address-cell.ts";
import { Board, boardBytes, SERVER } from "./board.ts";

const sizes = { workers: 1, frontends: 1, backends: 1, servers: 3, logBytes: 4096 };
const memory = (): SharedArrayBuffer => new SharedArrayBuffer(boardBytes(sizes));

test("what was written is read, of any length, and neighbours are untouched", () => {
  const board = new Board(memory(), sizes);
  const bytes = fc.uint8Array({ minLength: 0, maxLength: ADDRESS_MAX_BYTES });
  fc.assert(
    fc.property(bytes, fc.integer({ min: 0, max: 9 }), (address, at) => {
      const from = new Uint8Array(128);
      from.set(address, at);
      writeAddress(board, 1, from, at, address.length);
      const to = new Uint8Array(128).fill(0xee);
      assert.equal(readAddress(board, 1, to, at), address.length);
      assert.deepEqual(to.slice(at, at + address.length), address);
      assert.ok(to.every((byte, i) => byte === 0xee || (i >= at && i < at + address.length)));
      assert.equal(readAddress(board, 0, to, 0), 0);
      assert.equal(readAddress(board, 2, to, 0), 0);
    }),
  );
});

test("an address that a dead writer left half done is refused, and the next writer mends it", () => {
  const board = new Board(memory(), sizes);
  const to = new Uint8Array(128);
  board.servers[SERVER.ADDRESS_SEQ] = 7;
  assert.equal(readAddress(board, 0, to, 0), -11);
  writeAddress(board, 0, Uint8Array.from([1, 2, 3]), 0, 3);
  assert.equal(readAddress(board, 0, to, 0), 3);
});

test("a reader never sees half of one address and half of another", async () => {
  const buffer = memory();
  const board = new Board(buffer, sizes);
  // Writes addresses of one repeated byte and of a length that goes with it, until told to stop.
  const writer = new Worker(
    `
    const { workerData, parentPort } = require("node:worker_threads");
    Promise.all([import(workerData.cell), import(workerData.board)]).then(([cell, plan]) => {
      const board = new plan.Board(workerData.buffer, workerData.sizes);
      const bytes = new Uint8Array(112);
      let n = 0;
      const go = () => {
        for (let i = 0; i < 2000; i++) {
          n = (n + 1) & 63;
          cell.writeAddress(board, 0, bytes.fill(n), 0, 16 + n);
        }
        if (Atomics.load(board.global, 2) === 0) setImmediate(go);
      };
      go();
      parentPort.postMessage("begun");
    });`,
    {
      eval: true,
      workerData: {
        buffer,
        sizes,
        cell: import.meta.resolve("./address-cell.ts"),
        board: import.meta.resolve("./board.ts"),
      },
    },
  );
  try {
    await new Promise((begun) => writer.once("message", begun));
    const to = new Uint8Array(128);
    const seen = new Set<number>();
    for (let i = 0; i < 20_000; i++) {
      const bytes = readAddress(board, 0, to, 0);
      if (bytes < 0) continue;
      const value = bytes - 16;
      for (let j = 0; j < bytes; j++) assert.equal(to[j], value);
      seen.add(value);
    }
    assert.ok(seen.size > 0);
  } finally {
    Atomics.store(board.global, 2, 1);
    await writer.terminate();
  }
});
