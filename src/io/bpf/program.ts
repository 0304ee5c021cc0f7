import { ERRNO, type SystemError, systemError } from "../errno-names.ts";
import { COMMAND } from "./abi.ts";
import type { ProgramRecords } from "./link-program.ts";
import { bpf, clearAttributes, setName, setPointer, setText, setU32 } from "./syscall.ts";

/** A program as the kernel is to take it: maps are descriptors already. */
export interface ProgramSpec {
  readonly name: string;
  /** A PROGRAM_TYPE. */
  readonly type: number;
  /** An ATTACH_TYPE, for the types that want it at this time. */
  readonly attachType?: number;
  /** PROGRAM_FLAGs together. */
  readonly flags?: number;
  readonly license: string;
  readonly instructions: Uint8Array;
  /** Where functions begin and which lines of the source they are. */
  readonly source?: {
    readonly btfFd: number;
    readonly functions: ProgramRecords;
    readonly lines?: ProgramRecords;
  };
}

/** What the kernel says to a program it refuses. */
export interface ProgramError extends SystemError {
  /** The verifier's reasons, or as much as fits 16 MiB; empty when it has none. */
  readonly log: string;
}

const INSTRUCTION_BYTES = 8;
const FIRST_LOG_BYTES = 64 * 1024;
const MAX_LOG_BYTES = 16 * 1024 * 1024;
/** Of the log, in the message. */
const LINES = 20;

/** Loads a program: its descriptor, closed on exec. Throws a ProgramError. */
export function loadProgram(spec: ProgramSpec): number {
  const fd = load(spec, undefined);
  if (fd >= 0) return fd;
  let problem = -fd;
  let log = "";
  for (let bytes = FIRST_LOG_BYTES; bytes <= MAX_LOG_BYTES; bytes *= 4) {
    const buffer = new Uint8Array(bytes);
    const again = load(spec, buffer);
    if (again >= 0) return again;
    log = new TextDecoder().decode(buffer.subarray(0, Math.max(0, buffer.indexOf(0))));
    if (again !== -ERRNO.ENOSPC) {
      problem = -again;
      break;
    }
  }
  throw programError(spec.name, problem, log);
}

/** The verifier gives up when a signal comes, with EAGAIN: so often it is asked again. */
const TRIES = 20;

/** With a buffer for it, the kernel writes why it refuses; ENOSPC when that is too small. */
function load(spec: ProgramSpec, log: Uint8Array | undefined): number {
  for (let i = 1; ; i++) {
    const result = loadOnce(spec, log);
    if (result !== -ERRNO.EAGAIN || i === TRIES) return result;
  }
}

function loadOnce(spec: ProgramSpec, log: Uint8Array | undefined): number {
  clearAttributes();
  setU32(0, spec.type);
  setU32(4, spec.instructions.length / INSTRUCTION_BYTES);
  setPointer(8, spec.instructions);
  setText(16, spec.license);
  if (log !== undefined) {
    setU32(24, 1);
    setU32(28, log.length);
    setPointer(32, log);
  }
  setU32(44, spec.flags ?? 0);
  setName(48, spec.name);
  setU32(68, spec.attachType ?? 0);
  if (spec.source !== undefined) {
    const { btfFd, functions, lines } = spec.source;
    setU32(72, btfFd);
    setU32(76, functions.recordBytes);
    setPointer(80, functions.bytes);
    setU32(88, functions.count);
    if (lines !== undefined) {
      setU32(92, lines.recordBytes);
      setPointer(96, lines.bytes);
      setU32(104, lines.count);
    }
  }
  return bpf(COMMAND.PROG_LOAD, 112);
}

function programError(name: string, problem: number, log: string): ProgramError {
  const tail = log.trimEnd().split("\n").slice(-LINES).join("\n");
  const error = systemError(`load the BPF program ${name}`, problem);
  error.message += tail === "" ? "" : `; the verifier says:\n${tail}`;
  return Object.assign(error, { log });
}
