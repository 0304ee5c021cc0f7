import { Resolver as DnsChannel, lookup, type RecordWithTtl } from "node:dns";
import { readFile } from "node:fs";
import type { Cancel } from "#base/clock.ts";
import { isIPv4, isIPv6 } from "#base/ip.ts";

/** What a name stands for now. */
export interface ResolvedName {
  /** IPv4 first, in the order they were answered; at least one. */
  readonly addresses: readonly string[];
  /** How long that may be relied on; undefined where nobody said. */
  readonly ttlMs: number | undefined;
}

export interface Resolver {
  /**
   * Resolves a host name without blocking. `done` is called once, never from inside this call, with
   * the addresses or with what went wrong in words; not after Cancel.
   */
  resolve(host: string, done: (answer: ResolvedName | string) => void): Cancel;
}

export interface ResolverOptions {
  /** `address` or `address:port` of name servers; those of /etc/resolv.conf when absent. */
  readonly servers?: readonly string[];
  readonly hostsFile?: string;
  /** For one try with one name server; there are two tries. */
  readonly tryMs?: number;
  /** The C library's resolver; another one in tests. */
  readonly library?: Library;
}

/** Resolves in its own time, on a thread of its own: addresses, or an error's code. */
type Library = (name: string, done: (found: readonly string[] | string) => void) => void;

const TRIES = 2;

/** Answers that say "there is none", rather than failing to answer. */
const NEGATIVE = ["ENOTFOUND", "ENODATA"];

const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: "no such name",
  ENODATA: "the name has no address",
  ETIMEOUT: "no name server answered in time",
  ECONNREFUSED: "no name server could be reached",
  ESERVFAIL: "the name server failed",
  EREFUSED: "the name server refused",
  EAI_AGAIN: "no name server answered in time",
};

const words = (code: string): string => WORDS[code] ?? code;

const LOOPBACK: ResolvedName = { addresses: ["127.0.0.1", "::1"], ttlMs: undefined };

/** Addresses that a hosts(5) file gives a name, IPv4 first. */
export function hostsAddresses(text: string, host: string): string[] {
  const wanted = host.toLowerCase();
  const found: string[] = [];
  for (const line of text.split("\n")) {
    const [address, ...names] = line.split("#", 1)[0]!.trim().split(/\s+/);
    if (!names.some((name) => name.toLowerCase() === wanted)) continue;
    if (isIPv4(address!) || isIPv6(address!)) found.push(address!);
  }
  return [...found.filter(isIPv4), ...found.filter((address) => !isIPv4(address))];
}

/**
 * The system's order, without its blocking: the hosts file, then name servers (A and AAAA at once,
 * with TTLs), then, only when those say there is no such name, the C library, which knows search
 * domains and other sources. The C library answers from a thread of a small pool that files share,
 * and may take long: it is asked one name at a time.
 */
export function createResolver(options: ResolverOptions = {}): Resolver {
  const { servers, hostsFile = "/etc/hosts", tryMs = 2000, library = systemLibrary } = options;
  const inLine = createLine();
  return {
    resolve(host, done) {
      const name = host.endsWith(".") ? host.slice(0, -1) : host;
      // A channel for each question: /etc/resolv.conf is read anew, and cancelling ends this one
      // only.
      const channel = new DnsChannel({ timeout: tryMs, tries: TRIES });
      if (servers) channel.setServers(servers);
      let over = false;
      const finish = (answer: ResolvedName | string): void => {
        if (over) return;
        over = true;
        done(answer);
      };
      // Asked for as it is written: a final dot keeps the C library from trying search domains.
      const askLibrary = (next: () => void): void =>
        library(host, (found) => {
          next();
          finish(typeof found === "string" ? words(found) : { addresses: found, ttlMs: undefined });
        });
      const served = (answer: ResolvedName | string | undefined): void => {
        if (answer !== undefined) finish(answer);
        else inLine((next) => (over ? next() : askLibrary(next)));
      };
      readFile(hostsFile, "latin1", (_, text) => {
        if (over) return;
        const addresses = hostsAddresses(text ?? "", name);
        if (addresses.length > 0) finish({ addresses, ttlMs: undefined });
        else if (name.toLowerCase() === "localhost") finish(LOOPBACK);
        else askServers(channel, name, served);
      });
      return () => {
        over = true;
        channel.cancel();
      };
    },
  };
}

/** Runs jobs one after the other; each says when the next may begin. */
function createLine(): (job: (next: () => void) => void) => void {
  const jobs: ((next: () => void) => void)[] = [];
  const next = (): void => {
    jobs.shift();
    jobs[0]?.(next);
  };
  return (job) => {
    if (jobs.push(job) === 1) job(next);
  };
}

/** undefined: the name servers say that there is no such name. */
function askServers(
  channel: DnsChannel,
  name: string,
  done: (answer: ResolvedName | string | undefined) => void,
): void {
  const records: RecordWithTtl[][] = [];
  const failures: string[] = [];
  const answered = (family: number, error: Error | null, found: RecordWithTtl[]): void => {
    if (error) failures.push((error as NodeJS.ErrnoException).code ?? error.message);
    else records[family] = found;
    if (failures.length + records.filter(Boolean).length < 2) return;
    const all = records.flat();
    if (all.length > 0) {
      const ttlMs = Math.min(...all.map((record) => record.ttl)) * 1000;
      done({ addresses: all.map((record) => record.address), ttlMs });
    } else {
      const failure = failures.find((code) => !NEGATIVE.includes(code));
      done(failure === undefined ? undefined : words(failure));
    }
  };
  channel.resolve4(name, { ttl: true }, (error, found) => answered(0, error, found));
  channel.resolve6(name, { ttl: true }, (error, found) => answered(1, error, found));
}

const systemLibrary: Library = (name, done) =>
  lookup(name, { all: true, order: "ipv4first" }, (error, found) =>
    done(error ? (error.code ?? error.message) : found.map(({ address }) => address)),
  );
