import assert from "node:assert/strict";
import fc from "fast-check";
import { saveRules } from "#cli/l4/save-rules.ts";
import { ipvsadm } from "#config/import/ipvsadm.ts";
import { writeConfig } from "#config/write.ts";
import { directorStatusOf } from "./director-status.ts";
import { planFromText } from "./plan.ts";

/* Rules of ipvsadm: any there may be, and what weir makes of them. */

/** Rules as a weir saves them that runs what was imported of some. */
export function saved(text: string): string {
  const { document, faults } = ipvsadm.read(text, { interfaces: ["eth0"] });
  assert.deepEqual(
    faults.filter((fault) => fault.severity === "error"),
    [],
    text,
  );
  return saveRules(directorStatusOf(planFromText(writeConfig(document, [])))!);
}

/** Schedulers that every kernel with IPVS may have. */
const SCHEDULERS = [
  ...["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"],
];

const port = fc.constantFrom(1, 53, 80, 443, 8080, 65_535);
const ipv4 = fc.integer({ min: 1, max: 4 }).map((n) => `192.0.2.${n}`);
const ipv6 = fc.integer({ min: 1, max: 4 }).map((n) => `[2001:db8::${n}]`);

/** How packets get to a server. */
const way = fc.constantFrom(
  { method: "-g", tunnel: "" },
  { method: "-m", tunnel: "" },
  { method: "-i", tunnel: "" },
  { method: "-i", tunnel: " --tun-type gue --tun-port 6081 --tun-nocsum" },
  { method: "-i", tunnel: " --tun-type gre --tun-nocsum" },
);

/** One service with its servers, as `ipvsadm -S -n` would write them. */
const serviceWith = (schedulers: readonly string[]) =>
  fc
    .record({
      is6: fc.boolean(),
      kind: fc.constantFrom("-t", "-u", "--sctp-service", "-f"),
      ...{ ipv4, ipv6, port },
      isAll: fc.boolean(),
      mark: fc.integer({ min: 1, max: 5 }),
      scheduler: fc.constantFrom(...SCHEDULERS, ...schedulers),
      flags: fc.subarray(["fallback", "port"]),
      persistent: fc.option(fc.integer({ min: 1, max: 100_000 })),
      bits: fc.integer({ min: 1, max: 32 }),
      ...{ ops: fc.boolean(), sip: fc.boolean() },
      /** Servers go by several. */
      isMixed: fc.boolean(),
      way,
      servers: fc.uniqueArray(
        fc.record({
          host: fc.integer({ min: 1, max: 250 }),
          ...{ port, way },
          weight: fc.integer({ min: 0, max: 256 }),
          upper: fc.constantFrom(0, 0, 1, 10, 65_535),
          lower: fc.integer({ min: 1, max: 65_535 }),
        }),
        { maxLength: 4, selector: ({ host }) => host },
      ),
    })
    .map((of) => {
      const ways = of.servers.map((server) => (of.isMixed ? server.way : of.way));
      const isMark = of.kind === "-f";
      const isAll = of.isAll && of.persistent !== null && !isMark;
      const own = isMark || isAll ? 0 : of.port;
      const host = of.is6 ? of.ipv6 : of.ipv4;
      const what = isMark ? `-f ${of.mark}${of.is6 ? " -6" : ""}` : `${of.kind} ${host}:${own}`;
      const netmask = [0, 1, 2, 3]
        .map((i) => 256 - 2 ** (8 - Math.min(8, Math.max(0, of.bits - 8 * i))))
        .join(".");
      const mask = of.is6 ? ` -M ${of.bits}` : of.bits === 32 ? "" : ` -M ${netmask}`;
      const hashes = of.scheduler === "sh" || of.scheduler === "mh";
      const isSip = of.sip && of.persistent !== null && of.kind === "-u";
      const oneByOne = (isSip && own > 0) || ways.every(({ method }) => method !== "-m");
      const words = [
        `-A ${what} -s ${of.scheduler}`,
        of.persistent === null ? "" : ` -p ${of.persistent}${mask}`,
        isSip ? " --pe sip" : "",
        of.ops && oneByOne && (isMark || of.kind === "-u") ? " -o" : "",
        hashes && of.flags.length > 0
          ? ` -b ${of.flags.map((f) => `${of.scheduler}-${f}`).join(",")}`
          : "",
      ];
      const servers = of.servers.map((server, i) => {
        const { method, tunnel } = ways[i]!;
        const to = method === "-m" ? server.port : own;
        const address = of.is6 ? `[fd00::${server.host}]:${to}` : `10.0.0.${server.host}:${to}`;
        const lower = Math.min(server.upper, server.lower);
        const isUsual = lower === Math.ceil((server.upper * 3) / 4);
        const limits =
          server.upper === 0 ? "" : ` -x ${server.upper}${isUsual ? "" : ` -y ${lower}`}`;
        return `-a ${what} -r ${address} ${method} -w ${server.weight}${limits}${tunnel}`;
      });
      return { what, text: [words.join(""), ...servers].map((line) => `${line}\n`).join("") };
    });

/** Some services with their servers, by these schedulers besides. */
export const ruleSets = (schedulers: readonly string[] = []): fc.Arbitrary<string> =>
  fc
    .uniqueArray(serviceWith(schedulers), {
      minLength: 1,
      maxLength: 6,
      selector: ({ what }) => what,
    })
    .map((all) => all.map(({ text }) => text).join(""));
