import { ERRNO, systemError } from "../errno-names.ts";
import { COMMAND } from "./abi.ts";
import { bpf, clearAttributes, getU32, setPointer, setU32 } from "./syscall.ts";

export interface TestRunOptions {
  /** A packet, from its Ethernet header. Not for a `syscall` program. */
  readonly data?: Uint8Array;
  /** The program's context: a `__sk_buff`, `xdp_md`, or what a `syscall` program takes. */
  readonly ctx?: Uint8Array;
  /** Room for the packet afterwards; without, what `data` has and 256 bytes more. */
  readonly dataSizeOut?: number;
  /** Room for the context afterwards. A `syscall` program changes the copy of `ctx` instead. */
  readonly ctxOut?: number;
  /** The packet is not put back in between. */
  readonly repeat?: number;
  readonly flags?: number;
}

export interface TestRunResult {
  /** What the program returned, unsigned. */
  readonly retval: number;
  readonly data: Uint8Array;
  readonly ctx: Uint8Array;
  /** Of one run, on average, as the kernel measured. */
  readonly durationNs: number;
}

const ROOM_BYTES = 256;

/** Runs a program without attaching it (BPF_PROG_TEST_RUN). Throws a SystemError. */
export function testRun(fd: number, options: TestRunOptions): TestRunResult {
  const { data, ctxOut = 0 } = options;
  const result = new Uint8Array(data ? (options.dataSizeOut ?? data.length + ROOM_BYTES) : 0);
  const input = Uint8Array.from(options.ctx ?? []);
  const context = ctxOut > 0 ? new Uint8Array(ctxOut) : input;
  clearAttributes();
  setU32(0, fd);
  if (data) {
    setU32(8, data.length);
    setPointer(16, Uint8Array.from(data));
  }
  if (result.length > 0) {
    setU32(12, result.length);
    setPointer(24, result);
  }
  setU32(32, options.repeat ?? 0);
  if (input.length > 0) {
    setU32(40, input.length);
    setPointer(48, input);
  }
  if (ctxOut > 0) {
    setU32(44, ctxOut);
    setPointer(56, context);
  }
  setU32(64, options.flags ?? 0);
  const problem = -bpf(COMMAND.PROG_TEST_RUN, 80);
  if (problem === ERRNO.ENOSPC) {
    throw systemError(`test run: the packet of ${getU32(12)} bytes finds no room`, problem);
  }
  if (problem !== 0) throw systemError("test run", problem);
  return {
    retval: getU32(4),
    data: result.subarray(0, getU32(12)),
    ctx: ctxOut > 0 ? context.subarray(0, getU32(44)) : context,
    durationNs: getU32(36),
  };
}
