import { runInNetns, runProgram } from "./netns.ts";

/* What is in the kernel, to see that nothing stays there. */

interface Listed {
  readonly id: number;
  /** Of a link. */
  readonly prog_id?: number;
}

const list = (kind: string): Listed[] =>
  JSON.parse(runProgram("bpftool", "-j", kind, "list")) as Listed[];

/**
 * Programs and maps that a process holds, and what makes the programs run, as `KIND NUMBER`. No
 * number is given a second time.
 */
export function objectsOf(pid: number): string[] {
  // Descriptors of anything else come and go meanwhile.
  const find = `grep -hsE '^(prog|map)_id:' /proc/${pid}/fdinfo/* || true`;
  const lines = runProgram("sh", "-c", find).trim().split("\n");
  const held = lines.map((line) => line.replace(/_id:\s*/, " "));
  const links = list("link").filter((link) => held.includes(`prog ${link.prog_id}`));
  return [...held, ...links.map(({ id }) => `link ${id}`)];
}

/** All there are of anybody. */
export const allObjects = (): ReadonlySet<string> =>
  new Set(["prog", "map", "link"].flatMap((kind) => list(kind).map(({ id }) => `${kind} ${id}`)));

const QUESTIONS = [
  "bpftool net",
  "tc qdisc show",
  "tc filter show dev eth0 ingress",
  "tc filter show dev eth0 egress",
  "ip address",
  "ip rule",
  "ip -6 rule",
  "ip route show table all",
  "ip -6 route show table all",
  "sysctl -a -r ^net.ipv[46].conf",
];

/** What a namespace's network is like, by the command that says it. */
export const networkOf = (netns: string): Record<string, string> =>
  Object.fromEntries(
    QUESTIONS.map((question) => [
      question,
      runInNetns(netns, ...(question.split(" ") as [string])),
    ]),
  );
