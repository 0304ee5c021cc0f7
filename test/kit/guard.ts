import { type ChildProcess, spawn } from "node:child_process";

/*
 * A test run may be killed, and then ends nothing that it started. A shell beside it keeps what is
 * to be done then, and does it when its input ends.
 */

/** Lines are `+ number command` to keep one, and `- number` to forget it. */
const WATCH = `
while read -r what number command; do
  case "$what" in
    +) eval "job_$number=\\$command" ;;
    -) unset "job_$number" ;;
  esac
done
for job in $(set | grep -o '^job_[0-9]*'); do eval "eval \\"\\$$job\\""; done
`;

let watcher: ChildProcess | undefined;
let given = 0;

function watch(): ChildProcess {
  const child = spawn("sh", ["-c", WATCH], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return child;
}

/**
 * Has a command of one line run when this process ends, however it does, unless what is returned
 * was called before.
 */
export function guard(command: string): () => void {
  watcher ??= watch();
  const { stdin } = watcher;
  const number = ++given;
  stdin!.write(`+ ${number} ${command}\n`);
  return () => void stdin!.write(`- ${number}\n`);
}
