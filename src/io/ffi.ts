import { createRequire } from "node:module";

/**
 * The one door to native code: node:ffi, which is experimental, behind a small adapter that tests
 * itself at first use. Everything in `io/` that calls the C library declares its functions here.
 * Calls cost 0.2 µs and more: once a loop turn is nothing, once an event is much.
 */
type NativeType = "i32" | "u32" | "i64" | "u64" | "pointer" | "void";

interface NativeSignature {
  readonly return: NativeType;
  readonly arguments: readonly NativeType[];
}

interface NodeFfi {
  dlopen(
    path: null,
    definitions: Record<string, NativeSignature>,
  ): {
    functions: Record<string, (...args: (number | bigint)[]) => number | bigint>;
  };
  toArrayBuffer(pointer: bigint, length: number, copy: boolean): ArrayBuffer;
  getInt32(pointer: bigint, offset: number): number;
  getRawPointer(source: ArrayBufferView | ArrayBuffer): bigint;
}

/** A C function that takes numbers (bigint for 64-bit ones) and returns one. */
export type Native<R extends number | bigint = number> = (...args: (number | bigint)[]) => R;

let loaded: NodeFfi | undefined;
let errnoAt = 0n;

function load(): NodeFfi {
  if (loaded) return loaded;
  const warn = process.emitWarning;
  // node:ffi announces itself as experimental on standard error; our users cannot act on that.
  process.emitWarning = () => {};
  try {
    loaded = createRequire(import.meta.url)("node:ffi") as NodeFfi;
  } finally {
    process.emitWarning = warn;
  }
  errnoAt = selfTest(loaded);
  return loaded;
}

/**
 * Early versions of node:ffi returned undefined for a signature they did not understand: look
 * first. Returns where this thread's errno lies.
 */
function selfTest(ffi: NodeFfi): bigint {
  const { functions } = ffi.dlopen(null, {
    getpid: { return: "i32", arguments: [] },
    close: { return: "i32", arguments: ["i32"] },
    __errno_location: { return: "u64", arguments: [] },
  });
  const pid = functions["getpid"]!();
  const closed = functions["close"]!(-1);
  const location = functions["__errno_location"]!() as bigint;
  const errno = ffi.getInt32(location, 0);
  if (pid !== process.pid || closed !== -1 || errno !== 9) {
    throw new Error(
      `node:ffi of Node ${process.version} fails its self-test (getpid ${pid}, errno ${errno})`,
    );
  }
  return location;
}

/** Binds one function of the C library. `returns` 64-bit types come back as bigint. */
export function native<R extends number | bigint = number>(
  name: string,
  returns: NativeType,
  ...args: readonly NativeType[]
): Native<R> {
  const { functions } = load().dlopen(null, { [name]: { return: returns, arguments: args } });
  return functions[name] as Native<R>;
}

/**
 * errno of this thread after a call that returned -1. Read it before any other native call, binding
 * one included.
 */
export function errno(): number {
  return load().getInt32(errnoAt, 0);
}

/** A view of native memory. The caller keeps the memory alive for as long as the view is used. */
export function viewOf(pointer: bigint, bytes: number): ArrayBuffer {
  return load().toArrayBuffer(pointer, bytes, false);
}

/**
 * Address of a buffer's memory; valid while the buffer lives and is not moved (never for pooled
 * Buffers).
 */
export function addressOf(source: ArrayBufferView): bigint {
  return load().getRawPointer(source);
}
