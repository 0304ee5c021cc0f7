/** An account that is not root's. */
export interface Account {
  readonly uid: number;
  /** What it has of root's rights, as capabilities(7) names them, without `CAP_`. */
  readonly capabilities: readonly string[];
}

/** What to put before a command that is to run as that account, with these capabilities alone. */
export function asAccount({ uid, capabilities }: Account): string[] {
  const set = ["-all", ...capabilities.map((name) => `+${name.toLowerCase()}`)].join(",");
  const sets = ["inh-caps", "ambient-caps", "bounding-set"].map((kind) => `--${kind}=${set}`);
  return ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", ...sets];
}
