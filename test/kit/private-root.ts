import { join } from "node:path";

/*
 * Folders of this machine as they are, to be changed by a test alone: what is written there goes to
 * memory, and is gone with the program that was run.
 */

const ROOT = join(import.meta.dirname, "..", "..");

/** Weir is in /opt/weir there, as pages and units have it. */
const PREPARE = `
mount -t tmpfs tmpfs /mnt
for name in etc opt run; do
  mkdir /mnt/$name /mnt/$name-work
  mount -t overlay -o lowerdir=/$name,upperdir=/mnt/$name,workdir=/mnt/$name-work overlay /$name
done
mkdir -p /etc/weir /run/weir /opt/weir
mount --bind "$0" /opt/weir
cd /opt/weir
eval "$1"
`;

/** Words that run a script of shell with such folders, as root. */
export const inPrivateRoot = (script: string): string[] => [
  ...["unshare", "--mount", "--propagation", "private", "sh", "-ec", PREPARE, ROOT, script],
];
