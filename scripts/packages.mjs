// Programs of Debian that tests and benches run beside our own. Plain JavaScript, as setup.mjs.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { say } from "./setup.mjs";

/** command: what is looked for in PATH; package: who brings it; use: what is skipped without it. */
export const PROGRAMS = [
  { command: "curl", package: "curl", use: "end-to-end tests with a client that is not ours" },
  { command: "openssl", package: "openssl", use: "certificates of tests" },
  { command: "socat", package: "socat", use: "raw clients and Unix sockets in tests" },
  { command: "ip", package: "iproute2", use: "network namespaces" },
  { command: "ss", package: "iproute2", use: "looking at sockets in tests" },
  {
    command: "haproxy",
    package: "haproxy",
    use: "comparisons, and tests of what both must answer",
  },
  { command: "nginx", package: "nginx", use: "comparisons and servers of benches" },
  { command: "dnsmasq", package: "dnsmasq-base", use: "tests with a real name server" },
  { command: "wrk", package: "wrk", use: "load in benches and reload tests" },
  { command: "h2load", package: "nghttp2-client", use: "load at a fixed rate" },
];

/** Where Debian keeps programs a user's PATH may not name. */
const DIRECTORIES = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];

function isInstalled(command) {
  return DIRECTORIES.some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return directory !== "";
    } catch {
      return false;
    }
  });
}

const missing = () => PROGRAMS.filter(({ command }) => !isInstalled(command));

/**
 * Installs the programs that are missing when we are root on a Debian; names those that stay
 * missing. Tests that need one skip themselves by name.
 */
export function installPrograms() {
  const absent = missing();
  if (absent.length === 0) return;
  if (process.getuid?.() === 0 && isInstalled("apt-get")) {
    aptInstall([...new Set(absent.map((program) => program.package))]);
  }
  for (const { command, package: name, use } of missing()) {
    say(`${command} is missing (Debian package ${name}), needed for: ${use}`);
  }
}

function aptInstall(packages) {
  say(`installing ${packages.join(" ")} (apt-get) …`);
  const guarded = holdServices();
  try {
    apt("update", "-qq");
    // One by one, so that a package this release lacks does not stop the others.
    for (const name of packages) apt("install", "-y", "-qq", "--no-install-recommends", name);
  } finally {
    if (guarded) rmSync(POLICY, { force: true });
  }
  disableServices();
}

const POLICY = "/usr/sbin/policy-rc.d";

/** Keeps packages from starting their services: Debian asks this program, 101 means "no". */
function holdServices() {
  if (existsSync(POLICY)) return false;
  writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  return true;
}

/** A package also arranges that its service starts at the next boot. */
function disableServices() {
  if (!isInstalled("systemctl")) return;
  spawnSync("systemctl", ["disable", "--now", "nginx", "haproxy"], { stdio: "ignore" });
}

function apt(...args) {
  const { status, stdout, stderr } = spawnSync("apt-get", args, {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    encoding: "utf8",
  });
  if (status !== 0) say(`apt-get ${args.join(" ")} failed:\n${stdout ?? ""}${stderr ?? ""}`);
}
