import type { BpfProgram } from "#io/bpf/object.ts";

/*
 * What a program needs of the stack, as the verifier of Linux 6.1 reckons: each function's part is
 * rounded up to 32 bytes. That of 6.18 rounds up to 16, so it takes what the other refuses.
 */

const INSTRUCTION_BYTES = 8;
const ROUNDED = 32;
const FRAME = 10;
const LOAD = 1;
const STORES: ReadonlySet<number> = new Set([2, 3]);
const CALL = 0x85;
const LOAD_64 = 0x18;
const MOVE = 0xbf;
const ADD = 0x07;
const PSEUDO_CALL = 1;
const PSEUDO_FUNCTION = 4;

/** A function of a program: bytes of the stack that it touches, and what it calls or hands on. */
interface Reach {
  bytes: number;
  readonly callees: Set<number>;
}

/** The most that functions called by each other take, and how many those are at most. */
export function stackOf(program: BpfProgram): { readonly bytes: number; readonly frames: number } {
  const functions = functionsOf(program.instructions);
  const known = new Map<number, { bytes: number; frames: number }>();
  const measure = (start: number): { bytes: number; frames: number } => {
    const before = known.get(start);
    if (before !== undefined) return before;
    const { bytes, callees } = functions.get(start)!;
    const below = [...callees].map(measure);
    const own = Math.ceil(Math.max(bytes, 1) / ROUNDED) * ROUNDED;
    const most = {
      bytes: own + Math.max(0, ...below.map((one) => one.bytes)),
      frames: 1 + Math.max(0, ...below.map((one) => one.frames)),
    };
    known.set(start, most);
    return most;
  };
  return measure(0);
}

/** By the instruction that each begins with. */
function functionsOf(instructions: Uint8Array): Map<number, Reach> {
  const view = new DataView(instructions.buffer, instructions.byteOffset, instructions.byteLength);
  const count = instructions.length / INSTRUCTION_BYTES;
  const calls: { at: number; to: number }[] = [];
  for (let at = 0; at < count; at++) {
    const [code, source] = headOf(view, at);
    const offset = view.getInt32(at * INSTRUCTION_BYTES + 4, true);
    const isCall = code === CALL && source === PSEUDO_CALL;
    if (isCall || (code === LOAD_64 && source === PSEUDO_FUNCTION))
      calls.push({ at, to: at + 1 + offset });
  }
  const starts = [...new Set([0, ...calls.map(({ to }) => to)])].sort((a, b) => a - b);
  const functions = new Map(
    starts.map((start) => [start, { bytes: 0, callees: new Set<number>() }]),
  );
  const holder = (at: number): Reach => functions.get(starts.findLast((start) => start <= at)!)!;
  for (const { at, to } of calls) holder(at).callees.add(to);
  for (let at = 0; at < count; at++) {
    const own = holder(at);
    own.bytes = Math.max(own.bytes, touched(view, at));
  }
  return functions;
}

const headOf = (view: DataView, at: number): [code: number, source: number, target: number] => {
  const registers = view.getUint8(at * INSTRUCTION_BYTES + 1);
  return [view.getUint8(at * INSTRUCTION_BYTES), registers >> 4, registers & 15];
};

/** How far below the frame's top an instruction reaches. */
function touched(view: DataView, at: number): number {
  const [code, source, target] = headOf(view, at);
  const base = (code & 7) === LOAD ? source : STORES.has(code & 7) ? target : undefined;
  if (base === FRAME) return -view.getInt16(at * INSTRUCTION_BYTES + 2, true);
  if (code !== ADD || at === 0) return 0;
  const [before, from, to] = headOf(view, at - 1);
  const isAddress = before === MOVE && from === FRAME && to === target;
  return isAddress ? -view.getInt32(at * INSTRUCTION_BYTES + 4, true) : 0;
}
