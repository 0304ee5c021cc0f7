/** A descriptor systemd (or our supervisor) opened for this process. */
export interface InheritedFd {
  readonly fd: number;
  /** From LISTEN_FDNAMES; `unknown` where it names none, as sd_listen_fds(3) has it. */
  readonly name: string;
}

const FIRST_FD = 3;

/** Descriptors passed by sd_listen_fds(3)'s protocol; none when LISTEN_PID is another process. */
export function inheritedFds(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): readonly InheritedFd[] {
  const count = Number(env["LISTEN_FDS"] ?? 0);
  if (env["LISTEN_PID"] !== String(pid) || !Number.isInteger(count) || count < 1) return [];
  const names = env["LISTEN_FDNAMES"]?.split(":") ?? [];
  return Array.from({ length: count }, (_, i) => ({
    fd: FIRST_FD + i,
    name: names[i] || "unknown",
  }));
}
