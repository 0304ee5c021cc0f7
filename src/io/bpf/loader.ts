import { ERRNO } from "../errno-names.ts";
import { closeFd } from "../sockets.ts";
import { COMMAND } from "./abi.ts";
import { createMaps, type MapOptions } from "./load-maps.ts";
import type { BpfMap } from "./map.ts";
import type { BpfObject, BpfProgram } from "./object.ts";
import { loadProgram, type ProgramError } from "./program.ts";
import { bpf, clearAttributes, setPointer, setU32 } from "./syscall.ts";

export interface LoadOptions extends MapOptions {
  /** Names of the programs to load; without, all. */
  readonly programs?: readonly string[];
}

/** What is in the kernel of an object. */
export interface LoadedObject {
  /** By name; global variables are the maps `.rodata`, `.data` and `.bss`. */
  readonly maps: Readonly<Record<string, BpfMap>>;
  /** Descriptors by name. */
  readonly programs: Readonly<Record<string, number>>;
  /** Closes all descriptors but those of maps that were handed in. What is attached stays. */
  close(): void;
}

const INSTRUCTION_BYTES = 8;
const PSEUDO_MAP_FD = 1;
const PSEUDO_MAP_VALUE = 2;

/**
 * Makes an object's maps and loads its programs. If something fails, nothing stays. Throws a
 * SystemError, for a program that is refused a ProgramError; for options that do not fit an Error.
 */
export function loadBpfObject(object: BpfObject, options: LoadOptions = {}): LoadedObject {
  const wanted = chosen(object, options.programs);
  const opened: (() => void)[] = [];
  const close = (): void => {
    for (const one of opened.splice(0).reverse()) one();
  };
  try {
    const btfFd = loadBtf(object.kernelBtf);
    if (btfFd !== undefined) opened.push(() => closeFd(btfFd));
    const maps = createMaps(object, options, btfFd, (map) => opened.push(() => map.close()));
    const programs: Record<string, number> = Object.create(null);
    for (const program of wanted) {
      const fd = load(object, program, maps, btfFd);
      opened.push(() => closeFd(fd));
      programs[program.name] = fd;
    }
    return { maps, programs, close };
  } catch (error) {
    close();
    throw error;
  }
}

function chosen(object: BpfObject, names: readonly string[] | undefined): readonly BpfProgram[] {
  if (names === undefined) return object.programs;
  return names.map((name) => {
    const program = object.programs.find((one) => one.name === name);
    if (program === undefined) throw new Error(`the object has no program ${name}`);
    return program;
  });
}

/** A kernel that does not take the types goes without: they are for tools and for messages. */
function loadBtf(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined) return undefined;
  clearAttributes();
  setPointer(0, bytes);
  setU32(16, bytes.length);
  const fd = bpf(COMMAND.BTF_LOAD, 28);
  return fd < 0 ? undefined : fd;
}

function load(
  object: BpfObject,
  program: BpfProgram,
  maps: Readonly<Record<string, BpfMap>>,
  btfFd: number | undefined,
): number {
  const { name, type, attachType, flags, functions, lines } = program;
  const spec = {
    name,
    type,
    attachType,
    flags,
    license: object.license,
    instructions: withMaps(program, maps),
  };
  if (btfFd === undefined || functions === undefined) return loadProgram(spec);
  const source = { btfFd, functions, ...(lines && { lines }) };
  try {
    return loadProgram({ ...spec, source });
  } catch (error) {
    // A kernel that refuses these records does so before it looks at the first instruction.
    const { errno, log } = error as ProgramError;
    const isRefused = errno === ERRNO.EINVAL || errno === ERRNO.E2BIG;
    if (!isRefused || /^processed [1-9]/m.test(log)) throw error;
    try {
      return loadProgram(spec);
    } catch {
      throw error;
    }
  }
}

/** A copy of the program's instructions with the descriptors of its maps. */
function withMaps(
  { instructions, references }: BpfProgram,
  maps: Readonly<Record<string, BpfMap>>,
): Uint8Array {
  const copy = Uint8Array.from(instructions);
  const view = new DataView(copy.buffer);
  for (const { instruction, map, offset } of references) {
    const at = instruction * INSTRUCTION_BYTES;
    const source = offset === undefined ? PSEUDO_MAP_FD : PSEUDO_MAP_VALUE;
    copy[at + 1] = (copy[at + 1]! & 15) | (source << 4);
    view.setInt32(at + 4, maps[map]!.fd, true);
    view.setInt32(at + 12, offset ?? 0, true);
  }
  return copy;
}
