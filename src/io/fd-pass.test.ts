import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, openSync, readdirSync, readSync, writeSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { createSocketPair, receiveFds, sendFds } from "./fd-pass.ts";

function pair(t: TestContext): [number, number] {
  const sockets = createSocketPair();
  t.after(() => {
    for (const fd of sockets) if (isOpen(fd)) closeSync(fd);
  });
  return sockets;
}

const openFds = (): number => readdirSync("/proc/self/fd").length;

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

test("descriptors arrive as copies of the same open files, in order, with their label", (t) => {
  const [a, b] = pair(t);
  const zero = openSync("/dev/zero", "r");
  const full = openSync("/dev/full", "r");
  sendFds(a, [zero, full], "zero fülls");
  closeSync(zero);
  closeSync(full);
  const parcel = receiveFds(b, 1000);
  assert.equal(parcel?.label, "zero fülls");
  assert.equal(parcel.fds.length, 2);
  const byte = Buffer.from([7]);
  assert.equal(readSync(parcel.fds[0]!, byte), 1);
  assert.equal(byte[0], 0);
  for (const fd of parcel.fds) closeSync(fd);
});

test("parcels keep apart, and one may be empty or without a label", (t) => {
  const [a, b] = pair(t);
  sendFds(a, [], "nothing");
  sendFds(a, [0], "");
  sendFds(a, [], "");
  assert.deepEqual(receiveFds(b), { label: "nothing", fds: [] });
  const second = receiveFds(b);
  assert.equal(second?.label, "");
  assert.equal(second.fds.length, 1);
  closeSync(second.fds[0]!);
  assert.deepEqual(receiveFds(b), { label: "", fds: [] });
});

test("more descriptors than the kernel takes at once arrive whole", (t) => {
  const [a, b] = pair(t);
  const before = openFds();
  sendFds(a, Array<number>(600).fill(0), "many");
  const parcel = receiveFds(b);
  assert.equal(parcel?.label, "many");
  assert.equal(new Set(parcel.fds).size, 600);
  for (const fd of parcel.fds) closeSync(fd);
  assert.equal(openFds(), before);
});

test("the other side's end is undefined, its silence a timeout, its absence EPIPE", (t) => {
  const [a, b] = pair(t);
  assert.throws(() => receiveFds(b, 1), { code: "ETIMEDOUT" });
  closeSync(a);
  assert.equal(receiveFds(b), undefined);
  assert.throws(() => sendFds(b, [0], "x"), { code: "EPIPE" });
});

test("bytes that are no parcel are refused and leave no descriptor behind", (t) => {
  const [a, b] = pair(t);
  const before = openFds();
  writeSync(a, Buffer.alloc(12, 0xff));
  assert.throws(() => receiveFds(b), { code: "EPROTO" });
  assert.equal(openFds(), before);
});

test("a child process receives a pipe's end and writes into it", async (t) => {
  const [mine, childs] = pair(t);
  const [reader, writer] = pair(t);
  const source = `
    import { writeSync } from "node:fs";
    import { receiveFds } from ${JSON.stringify(pathToFileURL(`${import.meta.dirname}/fd-pass.ts`))};
    const { fds, label } = receiveFds(3);
    writeSync(fds[0], "got " + label);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    stdio: ["ignore", "inherit", "inherit", childs],
  });
  t.after(() => child.kill("SIGKILL"));
  sendFds(mine, [writer], "pipe");
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
  const text = Buffer.alloc(32);
  assert.equal(text.toString("utf8", 0, readSync(reader, text)), "got pipe");
});
