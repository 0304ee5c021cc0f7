import { text } from "#schema/index.ts";
import { defaulted } from "./option.ts";

/** What names a director in the kernel. */
export const PINS = {
  help: "name of the director's folder in /sys/fs/bpf, as director.pins says",
  pattern: /^[A-Za-z0-9_-]{1,64}$/,
  expected: "a folder's name: letters, digits, _ and -",
} as const;

/** The option of commands that take a director out of the kernel. */
export const pinsOption = defaulted(text({ ...PINS, fallback: "weir" }), "NAME");

/** Takes a director out of the kernel; a sentence that says what came of it. */
export async function flush(pins: string): Promise<string> {
  const { flushDirector } = await import("#control/pinned-director.ts");
  return flushDirector(pins)
    ? `director ${pins} is out of the kernel`
    : `there is no director ${pins} in the kernel`;
}
