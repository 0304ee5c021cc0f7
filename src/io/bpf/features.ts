import { release } from "node:os";
import { effectiveCapabilities, missingCapabilities } from "../capabilities.ts";
import { ERRNO, errnoName, type SystemError } from "../errno-names.ts";
import { closeFd } from "../sockets.ts";
import { ATTACH_TYPE, COMMAND, MAP_TYPE, PROGRAM_TYPE } from "./abi.ts";
import { BpfMap } from "./map.ts";
import { loadProgram } from "./program.ts";
import { bpf, clearAttributes, setPointer, setU32 } from "./syscall.ts";

/** The kernel's version: `[6, 18]` of `6.18.44-amd64`. */
export function kernelVersion(text: string = release()): readonly [major: number, minor: number] {
  const match = /^(\d+)\.(\d+)/.exec(text);
  return match === null ? [0, 0] : [Number(match[1]), Number(match[2])];
}

/** r0 = 0; exit. */
const NOTHING = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);

/**
 * Why this process may not load programs for the network, as a sentence; undefined when it may. The
 * smallest program is loaded, and gone again: larger ones need capabilities that it does not.
 */
export function bpfRefusal(): string | undefined {
  const capabilities = effectiveCapabilities();
  if (missingCapabilities(capabilities).length > 0)
    return explainRefusal(ERRNO.EPERM, capabilities);
  try {
    const type = PROGRAM_TYPE.SCHED_CLS;
    closeFd(loadProgram({ name: "probe", type, license: "GPL", instructions: NOTHING }));
    return undefined;
  } catch (error) {
    return explainRefusal((error as SystemError).errno, capabilities);
  }
}

/** The sentence for an errno, given the capabilities of the process as a set of bits. */
export function explainRefusal(errno: number, capabilities: bigint): string {
  if (errno === ERRNO.ENOSYS) return "this kernel was built without bpf(2)";
  if (errno !== ERRNO.EPERM) return `bpf(2) fails with ${errnoName(errno)}`;
  const missing = missingCapabilities(capabilities);
  return missing.length > 0
    ? `programs in the kernel need ${missing.join(" and ")}, which this process does not have`
    : "bpf(2) is not permitted although the process has the capabilities: " +
        "a container's seccomp filter, a user namespace or kernel lockdown forbids it";
}

/** Call of a helper, without arguments; exit. */
const callOf = (helper: number): Uint8Array =>
  Uint8Array.of(0x85, 0, 0, 0, helper & 255, helper >> 8, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);

/** Whether a program of this type, a PROGRAM_TYPE, may call a HELPER. */
export function supportsHelper(type: number, helper: number): boolean {
  try {
    closeFd(loadProgram({ name: "probe", type, license: "GPL", instructions: callOf(helper) }));
    return true;
  } catch (error) {
    // One that is known is refused for its arguments.
    return (error as SystemError).errno === ERRNO.EACCES;
  }
}

/** Whether tc programs can be attached by links (Linux 6.6); asks for those of `ifindex`. */
export function supportsTcx(ifindex: number): boolean {
  clearAttributes();
  setU32(0, ifindex);
  setU32(4, ATTACH_TYPE.TCX_INGRESS);
  return bpf(COMMAND.PROG_QUERY, 40) === 0;
}

/** Whether entries of a hash can be read many at a time (Linux 5.6). */
export function supportsBatch(): boolean {
  const map = BpfMap.create({
    name: "probe",
    type: MAP_TYPE.HASH,
    keyBytes: 4,
    valueBytes: 4,
    maxEntries: 1,
  });
  try {
    clearAttributes();
    setPointer(8, new Uint8Array(8));
    setPointer(16, new Uint8Array(4));
    setPointer(24, new Uint8Array(4));
    setU32(32, 1);
    setU32(36, map.fd);
    return bpf(COMMAND.MAP_LOOKUP_BATCH, 56) === -ERRNO.ENOENT;
  } finally {
    map.close();
  }
}
