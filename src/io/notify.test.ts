import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { addressOf, native } from "./ffi.ts";
import { createNotify } from "./notify.ts";
import { closeFd } from "./sockets.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

const socket = native("socket", "i32", "i32", "i32", "i32");
const bind = native("bind", "i32", "i32", "u64", "u32");
const recv = native("recv", "i32", "i32", "u64", "u32", "i32");

/** A service manager: what it was told last. A Unix datagram is there as soon as it was sent. */
function receiver(t: TestContext, path: string): () => string {
  const name = Buffer.from(path.replace("@", "\0"));
  const address = new Uint8Array(2 + name.length);
  address[0] = AF_UNIX;
  address.set(name, 2);
  const fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  t.after(() => closeFd(fd));
  assert.equal(bind(fd, addressOf(address), address.length), 0);
  const bytes = new Uint8Array(4096);
  return () => {
    const n = recv(fd, addressOf(bytes), bytes.length, MSG_DONTWAIT);
    assert.ok(n > 0, "nothing was sent");
    return Buffer.from(bytes.subarray(0, n)).toString();
  };
}

test("tells the socket in a file, and an abstract one", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "weir-notify-"));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const path of [join(directory, "notify.sock"), `@weir-notify-${process.pid}`]) {
    const told = receiver(t, path);
    const notify = createNotify(path);
    notify("READY=1\nSTATUS=serving");
    assert.equal(told(), "READY=1\nSTATUS=serving");
    notify("RELOADING=1");
    assert.match(told(), /^RELOADING=1\nMONOTONIC_USEC=\d+$/);
  }
});

test("does nothing where nobody listens", () => {
  createNotify(undefined)("READY=1");
  createNotify("/nowhere/notify.sock")("READY=1");
  createNotify("vsock:1")("READY=1");
});
