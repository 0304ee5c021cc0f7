import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Machine, noMachinePrograms, writeInit } from "#kit/machine.ts";
import { makeInitrd, obtainImage } from "#kit/machine-image.ts";
import type { Owner } from "#kit/owner.ts";

/*
 * A virtual machine with another kernel and the files of this host, which it may change for itself
 * alone: so tests run in it as they are.
 */

const LIFE_SECONDS = 6 * 3600;
const MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];
/** Code that this host has compiled is good there, too. */
const ENVIRONMENT = [
  ...["NO_COLOR=1", "HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
  "WEIR_TEST_PATIENCE=10",
  `NODE_COMPILE_CACHE=${process.env["NODE_COMPILE_CACHE"] ?? ""}`,
];
/** Loaded from the kernel's own package once the host's files are there. */
const LATER = [
  "veth",
  "bridge",
  "macvlan",
  "sch_ingress",
  "cls_bpf",
  "cls_flower",
  "act_skbedit",
  "nf_tables",
];

const prepare = (modules: string): string => `

mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose host /below
mount -t tmpfs tmpfs /above
mkdir /above/files /above/work
mount -t overlay -o lowerdir=/below,upperdir=/above/files,workdir=/above/work overlay /host
mount -t proc proc /host/proc
mount -t sysfs sysfs /host/sys
mount -t devtmpfs dev /host/dev
mount -t tmpfs tmpfs /host/tmp
mount -t tmpfs tmpfs /host/run
mkdir -p /host/lib/modules /host/dev/shm
mount --bind /below${modules} /host/lib/modules
mount -t tmpfs tmpfs /host/dev/shm
ip link set lo up
chroot /host /sbin/modprobe -a ${LATER.join(" ")}
`;

/** Why there is no machine here; false when there is. */
export const noGuest = (): string | false => noMachinePrograms();

/** Starts one with the kernel that a name of Debian's leads to; it is gone when the owner ends. */
export function startGuest(owner: Owner, kernelName: string): Promise<Machine> {
  const image = obtainImage(kernelName, ["busybox-static"]);
  const initrd = makeInitrd(owner, image, MODULES, (root) => {
    for (const folder of ["below", "above", "host"]) mkdirSync(join(root, folder));
    const modules = join(image.folder, "lib/modules");
    writeInit(root, { lifeSeconds: LIFE_SECONDS, prepare: prepare(modules) });
  });
  const shared = "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap";
  const devices = ["-smp", "2", "-cpu", "max", "-virtfs", shared];
  return Machine.start(owner, { image, initrd, memory: "2G", devices });
}

/** A line of shell for a program of the host's, as its root would run it in this folder. */
export const onHost = (folder: string, line: string): string =>
  `chroot /host env ${ENVIRONMENT.join(" ")} sh -c 'cd ${folder} && ${line}' < /dev/null`;
