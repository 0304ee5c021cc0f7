import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram } from "./netns.ts";
import type { Owner } from "./owner.ts";

/*
 * What a virtual machine starts from, made of packages of Debian that are unpacked into a folder
 * and not installed.
 */

const CACHE = fileURLToPath(new URL("../../node_modules/.cache/machines/", import.meta.url));

/** A kernel with its modules, and files of other packages, below `folder`. */
export interface Image {
  readonly folder: string;
  readonly version: string;
  readonly kernel: string;
}

/**
 * The kernel that a name of Debian's leads to (`linux-image-amd64`), and more packages. Downloads
 * what is not there from last time.
 */
export function obtainImage(kernelName: string, packages: readonly string[]): Image {
  const folder = join(CACHE, [kernelName, ...packages].join("+"));
  if (!existsSync(folder)) {
    const making = join(CACHE, `making-${process.pid}`);
    unpack([...packages, kernelPackage(kernelName)], making);
    runProgram("depmod", "-b", making, versionIn(making));
    renameSync(making, folder);
  }
  const version = versionIn(folder);
  return { folder, version, kernel: join(folder, "boot", `vmlinuz-${version}`) };
}

function versionIn(folder: string): string {
  const [version] = readdirSync(join(folder, "lib/modules"));
  if (version === undefined) throw new Error("the kernel's package has no modules");
  return version;
}

function kernelPackage(name: string): string {
  const text = runProgram("apt-cache", "depends", name);
  const found = /Depends: (linux-image-\S+)/.exec(text)?.[1];
  if (found === undefined) throw new Error(`Debian has no ${name} here:\n${text}`);
  return found;
}

function unpack(packages: readonly string[], to: string): void {
  const folder = `${to}-packages`;
  mkdirSync(folder, { recursive: true });
  const { status, stderr } = spawnSync("apt-get", ["download", "-qq", ...packages], {
    cwd: folder,
    encoding: "utf8",
    timeout: 300_000,
  });
  if (status !== 0) throw new Error(`apt-get download ${packages.join(" ")}: ${stderr}`);
  for (const file of readdirSync(folder)) runProgram("dpkg-deb", "-x", join(folder, file), to);
  rmSync(folder, { recursive: true });
}

/**
 * An initramfs with busybox, these modules, which are loaded in their order with whatever they need
 * before them, and what `fill` puts into its root. It is gone when the owner ends.
 */
export function makeInitrd(
  owner: Owner,
  image: Image,
  modules: readonly string[],
  fill: (root: string) => void,
): string {
  const folder = mkdtempSync(join(tmpdir(), "weir-machine-"));
  owner.after(() => rmSync(folder, { recursive: true, force: true }));
  const root = join(folder, "root");
  for (const name of ["bin", "dev", "lib", "lib64", "modules", "proc", "sys", "tmp"]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  copyFileSync(join(image.folder, "bin/busybox"), join(root, "bin/busybox"));
  const files = moduleFiles(image, modules);
  for (const file of files) copyFileSync(file, join(root, "modules", basename(file)));
  writeFileSync(join(root, "modules/order"), `${files.map((f) => basename(f)).join("\n")}\n`);
  fill(root);
  const initrd = join(folder, "initrd");
  runProgram("sh", "-c", `cd ${root} && find . | cpio --quiet -o -H newc > ${initrd}`);
  return initrd;
}

/** Each once, whatever it needs before it. */
function moduleFiles({ folder, version }: Image, names: readonly string[]): string[] {
  const words = ["--show-depends", "-d", folder, "-S", version];
  const lines = names.flatMap((name) => runProgram("modprobe", ...words, name).split("\n"));
  const files = lines.map((line) => /^insmod (\S+)/.exec(line)?.[1]);
  return [...new Set(files.filter((file) => file !== undefined))];
}
