/** Words that users of other balancers type, and what they mean here. */
export interface Translation {
  readonly words: readonly string[];
  /** Our own form, to be learnt; undefined when nothing was translated. */
  readonly hint: string | undefined;
}

const SIGNALS: Readonly<Record<string, readonly string[]>> = {
  reload: ["reload"],
  reopen: ["reload"],
  quit: ["stop"],
  stop: ["stop", "--now"],
};

/** Letters of `ipvsadm -L` that may stand together. */
const LISTS = /^(?:-[lL][nc]*|-[nc]*[lL][nc]*|--list)$/;
const SERVICES = ["-t", "-u", "--tcp-service", "--udp-service", "--sctp-service"];

/** `ipvsadm -Ln --stats`, `-Lnc`, `-L -n -t 10.0.0.1:80`, `-S -n`, `-R`; undefined for others. */
function ipvsadm(words: readonly string[]): Translation | undefined {
  const [first, ...rest] = words as [string, ...string[]];
  if (/^(?:-Sn?|--save)$/.test(first)) return hinted(["l4", "save", ...rest]);
  if (/^(?:-R|--restore)$/.test(first)) return hinted(["import", "ipvsadm", ...rest]);
  if (!LISTS.test(first)) return undefined;
  const isConnection = (word: string): boolean => /^(?:-n?cn?|--connection)$/.test(word);
  const all = rest.filter((word) => !SERVICES.includes(word) && !isConnection(word));
  if (!first.startsWith("--") && first.includes("c")) return hinted(["l4", "connections", ...all]);
  if (rest.some(isConnection)) return hinted(["l4", "connections", ...all]);
  return hinted(["l4", "list", ...all]);
}

/**
 * `-c -f x` and `-t` check, `-s reload` signals, `-v` and `-vv` tell the version, `validate`
 * checks, and a bare `-f x` runs, as HAProxy, nginx and Caddy have taught;
 * `-L`, `-S` and `-R` are ipvsadm's.
 */
export function translate(words: readonly string[]): Translation {
  const [first] = words;
  if (first === undefined) return { words: ["help"], hint: undefined };
  if (first === "-h" || first === "--help") return { words: ["help"], hint: undefined };
  if (first === "-v" || first === "--version") return { words: ["version"], hint: undefined };
  const rest = words.slice(1);
  if (first === "-vv" || first === "-V") return hinted(["version", "--verbose"]);
  if (first === "validate") return hinted(["check", ...rest]);
  if (first === "-s") {
    const meant = SIGNALS[rest[0] ?? ""];
    return meant ? hinted([...meant, ...rest.slice(1)]) : { words, hint: undefined };
  }
  if (!first.startsWith("-")) return { words, hint: undefined };
  const meant = ipvsadm(words);
  if (meant) return meant;
  const checks = ["-c", "-t", "-T"];
  if (words.some((w) => checks.includes(w))) {
    return hinted(["check", ...words.filter((w) => !checks.includes(w))]);
  }
  return first.startsWith("-f") || first === "--file"
    ? hinted(["run", ...words])
    : { words, hint: undefined };
}

const hinted = (words: readonly string[]): Translation => ({
  words,
  hint: `weir ${words.join(" ")}`,
});
