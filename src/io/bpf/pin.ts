import { COMMAND } from "./abi.ts";
import { clearAttributes, mustBpf, setPointer, setText, setU32 } from "./syscall.ts";

/**
 * Gives a map, program or link a name in the file system for BPF objects: it stays for as long as
 * the name does, whoever ends. Removing the file takes the name away. Throws a SystemError.
 */
export function pinObject(fd: number, path: string): void {
  clearAttributes();
  setText(0, path);
  setU32(8, fd);
  mustBpf(`pin ${path}`, COMMAND.OBJ_PIN, 16);
}

/** A new descriptor of what has that name. Throws a SystemError. */
export function openPinned(path: string): number {
  clearAttributes();
  setText(0, path);
  return mustBpf(`open ${path}`, COMMAND.OBJ_GET, 16);
}

/** What the kernel tells of a map, program or link, as bytes of its `bpf_…_info`. */
export function objectInfo(fd: number, bytes: number): DataView {
  const info = new Uint8Array(bytes);
  clearAttributes();
  setU32(0, fd);
  setU32(4, bytes);
  setPointer(8, info);
  mustBpf(`information about descriptor ${fd}`, COMMAND.OBJ_INFO, 16);
  return new DataView(info.buffer);
}
