// Programs of Debian that tests and benches run beside our own. Plain JavaScript, as setup.mjs.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { say } from "./setup.mjs";

/**
 * command: what is looked for in PATH; file: what is looked for where there is no command; package:
 * who brings it; use: what is skipped without it.
 */
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
  {
    file: "/usr/lib/nginx/modules/ngx_stream_module.so",
    package: "libnginx-mod-stream",
    use: "nginx as a layer-4 proxy, in comparisons",
  },
  { command: "nft", package: "nftables", use: "comparisons with forwarding in the kernel" },
  { command: "iperf3", package: "iperf3", use: "bulk transfers in benches" },
  { command: "wrk", package: "wrk", use: "load in benches and reload tests" },
  { command: "h2load", package: "nghttp2-client", use: "load at a fixed rate" },
  { command: "ping", package: "iputils-ping", use: "traffic through BPF programs in tests" },
  { command: "hping3", package: "hping3", use: "a flood of SYNs in tests of the director" },
  {
    file: "/usr/lib/usrsctp/client",
    package: "libusrsctp-examples",
    use: "associations of SCTP in tests of the director",
  },
  { command: "ethtool", package: "ethtool", use: "packets as they are on a wire, in tests" },
  { command: "systemd-analyze", package: "systemd", use: "tests of units" },
  { command: "clang", package: "clang", use: "BPF programs of tests" },
  {
    command: "llvm-strip",
    package: "llvm",
    use: "comparing programs for the kernel with their sources",
  },
  { command: "bpftool", package: "bpftool", use: "looking at BPF programs in tests" },
  {
    file: "/usr/include/bpf/bpf_helpers.h",
    package: "libbpf-dev",
    use: "headers of BPF programs",
  },
];

/** What comparisons with IPVS need besides. */
export const ORACLE_PROGRAMS = [
  { command: "qemu-system-x86_64", package: "qemu-system-x86", use: "a kernel with IPVS" },
  { command: "cpio", package: "cpio", use: "the root file system of that kernel" },
  { command: "modprobe", package: "kmod", use: "modules of that kernel" },
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

const missing = (programs) =>
  programs.filter(({ command, file }) => (file ? !existsSync(file) : !isInstalled(command)));

/**
 * Installs the programs that are missing when we are root on a Debian; names those that stay
 * missing. Tests that need one skip themselves by name.
 */
export function installPrograms(programs = PROGRAMS) {
  const absent = missing(programs);
  if (absent.length === 0) return;
  if (process.getuid?.() === 0 && isInstalled("apt-get")) {
    aptInstall([...new Set(absent.map((program) => program.package))]);
  }
  for (const { command, file, package: name, use } of missing(programs)) {
    say(`${command ?? file} is missing (Debian package ${name}), needed for: ${use}`);
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
