import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Image } from "./machine-image.ts";
import { inNetns, noProgram } from "./netns.ts";
import type { Owner } from "./owner.ts";

/*
 * A virtual machine with a Debian kernel and a shell behind its serial line. The processor is
 * emulated: what it says about semantics is true, what it says about speed is not.
 */

const BOOT_MS = 180_000;
const COMMAND_MS = 30_000;
const READY = "machine-is-ready";
const END = "end-of-answer";

/** Whatever happens here, a machine ends itself after this. */
export interface Boot {
  readonly lifeSeconds: number;
  /** Lines of shell between the loading of modules and the first command. */
  readonly prepare?: string;
}

/** What the first process does: load modules, then run what comes in a line, until it is ended. */
const init = ({ lifeSeconds, prepare = "" }: Boot): string => `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
while read -r file; do insmod /modules/$file; done < /modules/order
${prepare}
(sleep ${lifeSeconds}; poweroff -f) &
stty -F /dev/ttyS1 raw -echo
exec < /dev/ttyS1 > /dev/ttyS1 2>&1
echo ${READY}
while read -r line; do
  eval "$line"
  echo "${END} $?"
done
poweroff -f
`;

/** Writes the script of the first process into a root file system. */
export function writeInit(root: string, boot: Boot): void {
  writeFileSync(join(root, "init"), init(boot));
  chmodSync(join(root, "init"), 0o755);
}

/** Programs of this host that a machine needs and that are missing; false when none is. */
export const noMachinePrograms = (): string | false =>
  noProgram("qemu-system-x86_64", "apt-get", "dpkg-deb", "cpio", "depmod", "modprobe", "setpriv");

export interface MachineOptions {
  readonly image: Image;
  readonly initrd: string;
  readonly memory: string;
  /** Namespace that it runs in, for its network card. */
  readonly netns?: string;
  /** Further words for QEMU. */
  readonly devices?: readonly string[];
}

export class Machine {
  readonly version: string;
  readonly #child: ChildProcess;
  #text = "";
  #errors = "";
  #look: () => void = () => {};

  private constructor(child: ChildProcess, version: string) {
    this.#child = child;
    this.version = version;
    child.stdout!.setEncoding("latin1").on("data", (text: string) => {
      this.#text += text;
      this.#look();
    });
    child.stderr!.setEncoding("latin1").on("data", (text: string) => {
      this.#errors += text;
    });
    child.on("exit", () => this.#look());
  }

  /** Starts one; it is gone when the owner ends, or this process. */
  static async start(owner: Owner, options: MachineOptions): Promise<Machine> {
    const { image, initrd, memory, netns, devices = [] } = options;
    const [program, ...words] = [
      ...(netns === undefined ? [] : inNetns(netns)),
      ...["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64"],
      ...["-nodefaults", "-display", "none", "-no-reboot", "-accel", "tcg", "-m", memory],
      ...["-kernel", image.kernel, "-initrd", initrd],
      ...["-append", "console=ttyS0 quiet panic=-1 mitigations=off nokaslr rdinit=/init"],
      ...["-serial", "null", "-serial", "stdio", ...devices],
    ];
    const child = spawn(program!, words, { stdio: ["pipe", "pipe", "pipe"] });
    owner.after(() => void child.kill("SIGKILL"));
    const machine = new Machine(child, image.version);
    await machine.#until(READY, BOOT_MS);
    return machine;
  }

  /** Everything it says up to a word, which is in a line of its own, and the rest of that line. */
  async #until(word: string, limitMs: number): Promise<{ text: string; rest: string }> {
    const pattern = new RegExp(`^${word}(.*)\\r?\\n`, "m");
    const found = await new Promise<RegExpExecArray>((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new Error(`${why}; the machine said:\n${this.#text}${this.#errors}`));
      const timer = setTimeout(() => fail(`no ${word} in time`), limitMs);
      this.#look = () => {
        const match = pattern.exec(this.#text);
        if (!match && this.#child.exitCode === null && this.#child.signalCode === null) return;
        clearTimeout(timer);
        if (match) resolve(match);
        else fail("it ended");
      };
      this.#look();
    });
    this.#look = () => {};
    const text = this.#text.slice(0, found.index);
    this.#text = this.#text.slice(found.index + found[0].length);
    return { text: text.replaceAll("\r", ""), rest: found[1]!.trim() };
  }

  /** Runs a line of shell in it, one at a time; what it wrote. Throws when it failed. */
  async run(line: string, limitMs = COMMAND_MS): Promise<string> {
    this.#child.stdin!.write(`${line}\n`);
    const { text, rest } = await this.#until(END, limitMs);
    if (rest !== "0") throw new Error(`in the machine, ${line}: ${text}`);
    return text;
  }
}
