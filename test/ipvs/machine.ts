import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { Machine, noMachinePrograms, writeInit } from "#kit/machine.ts";
import { type Image, makeInitrd, obtainImage } from "#kit/machine-image.ts";
import { noNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";

/* A virtual machine with IPVS and a network card. */

const LIFE_SECONDS = 900;
/** Of libc6 files are links to each other that a copy of single files would miss. */
const PACKAGES = [
  "busybox-static",
  "ipvsadm",
  "libnl-3-200",
  "libnl-genl-3-200",
  "libpopt0",
  "libc6",
];

/** In the order they are loaded. ip_vs needs a CRC32c that its dependencies do not name. */
const MODULES = [
  ...["virtio_pci", "virtio_net", "crc32c_generic", "ipip", "ip_vs", "ip_vs_pe_sip"],
  ...["rr", "wrr", "lc", "wlc", "sed", "nq", "fo", "ovf", "dh", "sh", "mh", "lblc", "lblcr"].map(
    (name) => `ip_vs_${name}`,
  ),
];

/** Why there is no machine here; false when there is. */
export const noMachine = (): string | false => noNetns() || noMachinePrograms();

export interface Wire {
  /** Namespace of the tap that is the other end of its network card. */
  readonly netns: string;
  readonly tap: string;
  readonly mac: string;
}

/** Starts one; it is gone when the owner ends, or this process. */
export function startMachine(owner: Owner, { netns, tap, mac }: Wire): Promise<Machine> {
  const image = obtainImage("linux-image-amd64", PACKAGES);
  const initrd = makeInitrd(owner, image, MODULES, (root) => fill(root, image));
  const devices = [
    ...["-netdev", `tap,id=wire,ifname=${tap},script=no,downscript=no`],
    ...["-device", `virtio-net-pci,netdev=wire,mac=${mac},romfile=`],
  ];
  return Machine.start(owner, { image, initrd, memory: "256M", netns, devices });
}

function fill(root: string, { folder }: Image): void {
  copyFileSync(join(folder, "sbin/ipvsadm"), join(root, "bin/ipvsadm"));
  for (const file of libraries(folder)) copyFileSync(file, join(root, "lib", basename(file)));
  const loader = "ld-linux-x86-64.so.2";
  copyFileSync(join(folder, "lib/x86_64-linux-gnu", loader), join(root, "lib64", loader));
  writeInit(root, { lifeSeconds: LIFE_SECONDS });
}

/** Those ipvsadm is linked with, and the C library's two that it needs. */
function libraries(image: string): string[] {
  const wanted = /^(libnl-3|libnl-genl-3|libpopt|libc|libm)\.so\.\d+$/;
  const folders = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"];
  return folders
    .map((folder) => join(image, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => wanted.test(name))
        .map((name) => join(folder, name)),
    );
}
