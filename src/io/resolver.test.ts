import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DnsServer } from "#kit/dns-server.ts";
import { createResolver, hostsAddresses, type ResolvedName, type Resolver } from "./resolver.ts";

const dns = new DnsServer();
let folder = "";
let servers: readonly string[];
let hostsFile: string;
let resolver: Resolver;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-resolver-"));
  hostsFile = join(folder, "hosts");
  servers = [await dns.start()];
  await writeFile(hostsFile, "10.9.9.9 pinned.test\n");
  resolver = createResolver({ servers, hostsFile, tryMs: 60_000, library: () => assert.fail() });
});

after(async () => {
  dns.stop();
  await rm(folder, { recursive: true, force: true });
});

const resolve = (host: string, by = resolver) =>
  new Promise<ResolvedName | string>((done) => by.resolve(host, done));

test("both families with the smallest TTL, IPv4 first", async () => {
  dns.records.set("both.test", { addresses: ["fd00::1", "10.0.0.1", "10.0.0.2"], ttlS: 7 });
  assert.deepEqual(await resolve("both.test"), {
    addresses: ["10.0.0.1", "10.0.0.2", "fd00::1"],
    ttlMs: 7000,
  });
  assert.deepEqual(await resolve("Both.Test."), await resolve("both.test"));
});

test("one family is enough", async () => {
  dns.records.set("six.test", { addresses: ["fd00::6"], ttlS: 0 });
  assert.deepEqual(await resolve("six.test"), { addresses: ["fd00::6"], ttlMs: 0 });
});

test("a name server that fails or is silent is not taken for one that says no", async () => {
  dns.records.set("broken.test", "server failure");
  dns.records.set("silent.test", "silence");
  assert.equal(await resolve("broken.test"), "the name server failed");
  const impatient = createResolver({ servers, hostsFile, tryMs: 20, library: () => assert.fail() });
  assert.equal(await resolve("silent.test", impatient), "no name server answered in time");
});

test("where name servers know no such name, the C library is asked, one name at a time", async () => {
  let running = 0;
  let most = 0;
  const patient = createResolver({
    servers,
    hostsFile,
    tryMs: 60_000,
    library: (name, done) => {
      most = Math.max(most, ++running);
      setImmediate(() => {
        running--;
        done(name === "short" ? ["10.1.1.1"] : "ENOTFOUND");
      });
    },
  });
  const found = await Promise.all(["short", "none.test", "short"].map((n) => resolve(n, patient)));
  const answer = { addresses: ["10.1.1.1"], ttlMs: undefined };
  assert.deepEqual(found, [answer, "no such name", answer]);
  assert.equal(most, 1);
});

test("the hosts file comes first, and localhost is always here", async () => {
  dns.records.set("pinned.test", { addresses: ["10.0.0.1"], ttlS: 60 });
  assert.deepEqual(await resolve("pinned.test"), { addresses: ["10.9.9.9"], ttlMs: undefined });
  const local = { addresses: ["127.0.0.1", "::1"], ttlMs: undefined };
  assert.deepEqual(await resolve("localhost"), local);
  assert.ok(!dns.asked.some((question) => /pinned|localhost/.test(question)));
});

test("after Cancel nothing is called", async () => {
  dns.records.set("both.test", { addresses: ["10.0.0.1"], ttlS: 7 });
  const cancel = resolver.resolve("both.test", () => assert.fail("called after Cancel"));
  cancel();
  await resolve("both.test");
});

test("lines of a hosts file", () => {
  const text = [
    "127.0.0.1\tlocalhost loopback # names",
    "::1 localhost ip6-localhost",
    "#10.0.0.9 db.test",
    "  10.0.0.1   db.test DB.test db",
    "nonsense db.test",
    "10.0.0.2 other.db.test",
  ].join("\n");
  assert.deepEqual(hostsAddresses(text, "localhost"), ["127.0.0.1", "::1"]);
  assert.deepEqual(hostsAddresses(text, "db.test"), ["10.0.0.1"]);
  assert.deepEqual(hostsAddresses(text, "DB"), ["10.0.0.1"]);
  assert.deepEqual(hostsAddresses(text, "names"), []);
});
