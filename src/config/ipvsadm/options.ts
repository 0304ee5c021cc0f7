/** How an option of ipvsadm(8) is written, and whether a value follows. */
interface Written {
  readonly short?: string;
  readonly value?: "required" | "optional";
}

const OPTIONS = {
  "add-service": { short: "A" },
  "edit-service": { short: "E" },
  "delete-service": { short: "D" },
  clear: { short: "C" },
  restore: { short: "R" },
  save: { short: "S" },
  "add-server": { short: "a" },
  "edit-server": { short: "e" },
  "delete-server": { short: "d" },
  list: { short: "L" },
  zero: { short: "Z" },
  set: { value: "required" },
  "start-daemon": { value: "required" },
  "stop-daemon": { value: "required" },
  help: { short: "h" },
  version: { short: "v" },
  "tcp-service": { short: "t", value: "required" },
  "udp-service": { short: "u", value: "required" },
  "sctp-service": { value: "required" },
  "fwmark-service": { short: "f", value: "required" },
  ipv6: { short: "6" },
  scheduler: { short: "s", value: "required" },
  persistent: { short: "p", value: "optional" },
  netmask: { short: "M", value: "required" },
  pe: { value: "required" },
  "sched-flags": { short: "b", value: "required" },
  "real-server": { short: "r", value: "required" },
  gatewaying: { short: "g" },
  ipip: { short: "i" },
  masquerading: { short: "m" },
  "tun-type": { value: "required" },
  "tun-port": { value: "required" },
  "tun-nocsum": {},
  "tun-csum": {},
  "tun-remcsum": {},
  weight: { short: "w", value: "required" },
  "u-threshold": { short: "x", value: "required" },
  "l-threshold": { short: "y", value: "required" },
  connection: { short: "c" },
  timeout: {},
  daemon: {},
  stats: {},
  rate: {},
  thresholds: {},
  "persistent-conn": {},
  "tun-info": {},
  sort: {},
  nosort: {},
  numeric: { short: "n" },
  exact: {},
  ops: { short: "o" },
  syncid: { value: "required" },
  "sync-maxlen": { value: "required" },
  "mcast-interface": { value: "required" },
  "mcast-group": { value: "required" },
  "mcast-port": { value: "required" },
  "mcast-ttl": { value: "required" },
} as const satisfies Record<string, Written>;

export type OptionName = keyof typeof OPTIONS;

const ALL: Readonly<Record<string, Written>> = OPTIONS;
const BY_LETTER = new Map<string, OptionName>([["l", "list"]]);
for (const [name, { short }] of Object.entries<Written>(OPTIONS)) {
  if (short !== undefined) BY_LETTER.set(short, name as OptionName);
}

/** One call: options with their values (empty where they have none), and what stood alone. */
export interface Call {
  readonly options: ReadonlyMap<OptionName, string>;
  readonly alone: readonly string[];
}

/** Reads the words of a call; a sentence when they are none of ipvsadm(8). */
export function parseOptions(words: readonly string[]): Call | string {
  const options = new Map<OptionName, string>();
  const alone: string[] = [];
  const rest = [...words];
  const give = (
    name: OptionName,
    written: string,
    joined: string | undefined,
  ): string | undefined => {
    if (options.has(name)) return `${written} comes twice`;
    const { value } = ALL[name]!;
    const next = rest[0];
    if (value === undefined) {
      if (joined !== undefined) return `${written} takes no value`;
      options.set(name, "");
    } else if (joined !== undefined) options.set(name, joined);
    else if (next !== undefined && !next.startsWith("-")) options.set(name, rest.shift()!);
    else if (value === "optional") options.set(name, "");
    else return `${written} needs a value`;
    return undefined;
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    let fault: string | undefined;
    if (word.startsWith("--")) fault = readLong(word, give);
    else if (word.startsWith("-") && word.length > 1) fault = readShort(word, give);
    else alone.push(word);
    if (fault !== undefined) return fault;
  }
  return { options, alone };
}

type Give = (name: OptionName, written: string, joined: string | undefined) => string | undefined;

function readLong(word: string, give: Give): string | undefined {
  const equals = word.indexOf("=");
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  if (!Object.hasOwn(OPTIONS, name)) return `ipvsadm has no option --${name}`;
  return give(name as OptionName, `--${name}`, equals < 0 ? undefined : word.slice(equals + 1));
}

/** Letters may stand together: `-Ln`; what follows one with a value is its value: `-p300`. */
function readShort(word: string, give: Give): string | undefined {
  for (let i = 1; i < word.length; i++) {
    const letter = word[i]!;
    const name = BY_LETTER.get(letter);
    if (name === undefined) return `ipvsadm has no option -${letter}`;
    const takesValue = ALL[name]!.value !== undefined;
    const joined = takesValue && i + 1 < word.length ? word.slice(i + 1) : undefined;
    const fault = give(name, `-${letter}`, joined);
    if (fault !== undefined || joined !== undefined) return fault;
  }
  return undefined;
}
