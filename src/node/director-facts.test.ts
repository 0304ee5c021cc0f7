import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseIp } from "#base/ip.ts";
import { MAP_FLAG, MAP_TYPE } from "#io/bpf/abi.ts";
import { mountBpffs } from "#io/bpf/bpffs.ts";
import { bpfRefusal } from "#io/bpf/features.ts";
import { BpfMap } from "#io/bpf/map.ts";
import { planFromText } from "#kit/plan.ts";
import { DESTINATION, RANGE_KEY, SERVICE, SERVICE_KEY } from "#plan/director-layout.ts";
import { DESTINATION_FLAG, METHOD, SERVICE_FLAG } from "#plan/director-numbers.ts";
import { directorFacts } from "./director-facts.ts";

const skip = process.getuid?.() !== 0 ? "BPF needs root" : (bpfRefusal() ?? false);
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

test("a director's tables in the kernel say what it does", { skip }, (t) => {
  const pins = `weir-test-${process.pid}-facts`;
  const maps = join("/sys/fs/bpf", pins, "maps");
  mountBpffs("/sys/fs/bpf");
  mkdirSync(maps, { recursive: true });
  t.after(() => rmSync(join(maps, ".."), { recursive: true }));
  const make = (name: string, type: number, keyBytes: number, valueBytes: number, flags = 0) => {
    const map = BpfMap.create({ name, type, keyBytes, valueBytes, maxEntries: 8, flags });
    t.after(() => map.close());
    map.pin(join(maps, name));
    return map;
  };
  const lookups = make("lookups", MAP_TYPE.HASH, SERVICE_KEY.BYTES, 4);
  const noPreallocation = MAP_FLAG.NO_PREALLOC;
  const ranges = make("ranges", MAP_TYPE.LPM_TRIE, RANGE_KEY.BYTES, 4, noPreallocation);
  const services = make("services", MAP_TYPE.ARRAY, 4, SERVICE.BYTES);
  const destinations = make("destinations", MAP_TYPE.ARRAY, 4, DESTINATION.BYTES);

  const bypassing = new Uint8Array(SERVICE.BYTES);
  bypassing[SERVICE.FLAGS] = SERVICE_FLAG.BYPASS;
  services.update(u32(2), bypassing);
  for (const port of [80, 443]) {
    const key = new Uint8Array(SERVICE_KEY.BYTES);
    key.set(parseIp("10.0.0.1")!, SERVICE_KEY.ADDRESS);
    new DataView(key.buffer).setUint16(SERVICE_KEY.PORT, port);
    lookups.update(key, u32(1));
  }
  const mark = new Uint8Array(SERVICE_KEY.BYTES);
  mark[SERVICE_KEY.MARK] = 7;
  lookups.update(mark, u32(2));
  const range = new Uint8Array(RANGE_KEY.BYTES);
  range.set(u32(160), RANGE_KEY.BITS);
  range.set(parseIp("fd00::1")!, RANGE_KEY.ADDRESS);
  ranges.update(range, u32(3));

  const server = (row: number, service: number, address: string, method: number, flags: number) => {
    const bytes = new Uint8Array(DESTINATION.BYTES);
    bytes.set(parseIp(address)!, DESTINATION.ADDRESS);
    bytes.set(u32(service), DESTINATION.SERVICE);
    bytes[DESTINATION.METHOD] = method;
    bytes[DESTINATION.FLAGS] = flags;
    destinations.update(u32(row), bytes);
  };
  const { PRESENT } = DESTINATION_FLAG;
  server(0, 1, "10.0.0.11", METHOD.NAT, PRESENT);
  server(2, 3, "10.0.0.11", METHOD.FULLNAT, PRESENT);
  server(3, 3, "fd00::11", METHOD.FULLNAT, PRESENT);
  server(4, 1, "10.0.0.12", METHOD.DR, PRESENT);
  server(5, 2, "10.0.0.13", METHOD.NAT, 0);

  const connections = make("connections", MAP_TYPE.HASH, 4, 4);
  for (const i of [1, 2, 3]) connections.update(u32(i), u32(i));

  const facts = directorFacts(pins, undefined);
  assert.deepEqual(facts!.translated.toSorted(), ["10.0.0.11", "fd00::11"]);
  assert.deepEqual(facts!.connections, { count: 3, size: 8, wanted: undefined });
  assert.deepEqual(facts!.interfaces, []);
  const byAddress = new Map(facts!.services.map((one) => [one.address, one]));
  assert.equal(byAddress.size, facts!.services.length);
  const saysOf = (address: string | undefined) => {
    const { methods, bypasses } = byAddress.get(address)!;
    return { methods: methods.toSorted(), bypasses };
  };
  assert.deepEqual(saysOf("10.0.0.1"), { methods: ["dr", "nat"], bypasses: false });
  assert.deepEqual(saysOf("fd00::1"), { methods: ["fullnat"], bypasses: false });
  assert.deepEqual(saysOf(undefined), { methods: [], bypasses: true });
  assert.equal(directorFacts("weir-test-none", undefined), undefined);

  const planned = directorFacts(
    pins,
    planFromText(`
director: { interfaces: eth0 }
services:
  web: { bind: 10.0.0.1:80, method: dr, backend: app }
  far: { mark: 7, method: bypass, backend: app }
backends: { app: { servers: { a: { address: 10.0.0.11:80, method: nat }, b: 10.0.0.12:80 } } }
`),
  );
  assert.deepEqual(planned!.services, [
    { address: "10.0.0.1", methods: ["nat", "dr"], bypasses: false },
    { address: undefined, methods: ["nat", "bypass"], bypasses: true },
  ]);
});
