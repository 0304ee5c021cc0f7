import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Machine } from "#kit/machine.ts";
import { noGuest, onHost, startGuest } from "./guest.ts";

/*
 * The director on older kernels: the verifier takes its programs, and they do to packets what they
 * do here. The second has clsact alone.
 */

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const KERNELS = ["linux-image-6.12-amd64", "linux-image-amd64"];
const PACKETS = [
  "schedules",
  "nat",
  "methods",
  "mixed",
  "local-ports",
  "former",
  "here",
  "client-option",
  "syn-proxy",
  "calls",
  "call-out",
  "fragments",
  "cut",
  "services",
  "servers",
  "limits",
  "tcp-states",
  "sctp-states",
  "answers",
  "icmp",
  "tunnel-errors",
  "trace",
  "synced",
  "hostile",
].map((name) => `src/director/packets/${name}.test.ts`);
const FILES = [
  "src/io/bpf/features.test.ts",
  "src/io/bpf/hook.test.ts",
  "src/director/requirements.test.ts",
  "src/director/loops.test.ts",
  ...PACKETS,
  "src/node/decapsulate.test.ts",
  "src/node/client.test.ts",
  "test/director/hooks.test.ts",
  "test/director/forwarding.test.ts",
  "test/kernels/flower.ts",
];
/** For one file. Where a program takes a second to load, here it may take a minute. */
const LIMIT_MS = 1_800_000;

for (const kernel of KERNELS) {
  describe(`the director on ${kernel}`, { skip: noGuest() }, () => {
    const ends: (() => unknown)[] = [];
    after(async () => {
      for (const end of ends.reverse()) await end();
    });
    let started: Promise<Machine> | undefined;
    const machine = (): Promise<Machine> =>
      (started ??= startGuest({ after: (end) => ends.push(end) }, kernel));
    const node = [process.execPath, ...process.execArgv.filter((word) => !/^--test/.test(word))];

    for (const file of FILES) {
      test(file, { timeout: 2 * LIMIT_MS }, async (t) => {
        const line = [...node, "--test", file].join(" ");
        const said = await (await machine()).run(onHost(ROOT, line), LIMIT_MS);
        const [passed, skipped] = ["pass", "skipped"].map(
          (what) => new RegExp(` ${what} (\\d+)$`, "m").exec(said)?.[1],
        );
        t.diagnostic(`Linux ${(await machine()).version}: ${passed} pass, ${skipped} skipped`);
      });
    }
  });
}
