import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { must } from "#io/errno-names.ts";
import { native } from "#io/ffi.ts";
import { guard } from "./guard.ts";
import type { Owner } from "./owner.ts";

/*
 * Networks of a test's own: namespaces, and pairs of virtual interfaces between them.
 */

const CLONE_NEWNET = 0x40000000;
const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;

const setns = native("setns", "i32", "i32", "i32");

let made = 0;

/** Why a test cannot have networks of its own, for node:test's `skip`; false when it can. */
export function noNetns(): string | false {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  const missing = noProgram("ip", "nsenter", "unshare");
  if (missing !== false) return missing;
  const { status } = spawnSync("unshare", ["--net", "true"], { env: { PATH } });
  return status === 0 ? false : "network namespaces are not permitted here";
}

/** Which of some programs is not installed, for node:test's `skip`; false when all are. */
export function noProgram(...names: readonly string[]): string | false {
  const folders = PATH.split(":");
  const missing = names.find((name) => !folders.some((folder) => existsSync(join(folder, name))));
  return missing === undefined ? false : `${missing} is missing`;
}

/** Runs a program to its end; its standard output. Throws an Error with what it said. */
export function runProgram(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    env: { ...process.env, PATH },
    encoding: "utf8",
  });
  if (status === 0) return stdout;
  const said = error?.message ?? `${stdout}${stderr}`;
  throw new Error(`${[command, ...args].join(" ")}: ${said.trim()}`);
}

/** A namespace with its loopback up; it is gone when its owner ends. */
export function createNetns(owner: Owner): string {
  const name = `weir-${process.pid}-${++made}`;
  const release = guard(`ip netns pids ${name} | xargs -r kill -9; ip netns del ${name}`);
  owner.after(() => {
    if (existsSync(`/var/run/netns/${name}`)) runProgram("ip", "netns", "del", name);
    release();
  });
  runProgram("ip", "netns", "add", name);
  runProgram("ip", "-n", name, "link", "set", "lo", "up");
  return name;
}

/** One end of a pair of interfaces. */
export interface VethEnd {
  readonly netns: string;
  readonly device: string;
  /** With its prefix: `10.9.0.1/24`. */
  readonly address: string;
}

/** Two interfaces, each the other's wire, up and with an address. They go with their namespaces. */
export function connectNetns(a: VethEnd, b: VethEnd): void {
  runProgram(
    ...(["ip", "-n", a.netns, "link", "add", a.device, "type", "veth"] as const),
    ...["peer", "name", b.device, "netns", b.netns],
  );
  for (const { netns, device, address } of [a, b]) {
    // No detection of duplicate addresses: IPv6 serves at once.
    runProgram("ip", "-n", netns, "addr", "add", address, "dev", device, "nodad");
    runProgram("ip", "-n", netns, "link", "set", device, "up");
  }
}

/** What to put before a command that is to run in a namespace. */
export const inNetns = (name: string): string[] => ["nsenter", `--net=/var/run/netns/${name}`];

/** Runs a program in a namespace; mounts, such as names of BPF objects, are as outside. */
export function runInNetns(name: string, command: string, ...args: readonly string[]): string {
  const [program, ...words] = [...inNetns(name), command, ...args];
  return runProgram(program!, ...words);
}

/**
 * Calls `work` with this thread in a namespace: sockets it opens and interfaces it names are there.
 * It must not be async: everything else of the thread would be there too.
 */
export function withNetns<T>(name: string, work: () => T): T {
  const home = openSync("/proc/thread-self/ns/net", "r");
  try {
    const there = openSync(`/var/run/netns/${name}`, "r");
    try {
      must(`enter ${name}`, setns(there, CLONE_NEWNET));
    } finally {
      closeSync(there);
    }
    try {
      return work();
    } finally {
      must("leave the namespace", setns(home, CLONE_NEWNET));
    }
  } finally {
    closeSync(home);
  }
}
