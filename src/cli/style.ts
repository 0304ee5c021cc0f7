/** Colours of the terminal, or none. */
export interface Style {
  readonly enabled: boolean;
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  blue(text: string): string;
}

/** A Style that paints, or one that gives every text back as it is. */
export function createStyle(enabled: boolean): Style {
  const paint = (on: number, off: number) => (text: string) =>
    enabled && text !== "" ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return {
    enabled,
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    blue: paint(34, 39),
  };
}

/** Whether to paint: a terminal, unless NO_COLOR (no-color.org) or a dumb terminal says no. */
export function wantsColor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (env["NO_COLOR"]) return false;
  return stream.isTTY === true && env["TERM"] !== "dumb";
}

/** Text without the codes that a Style adds. */
export const unstyled = (text: string): string => text.replace(/\u001b\[\d+m/g, "");

const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text from outside made harmless for a terminal: controls and direction overrides become `·`. */
export const printable = (text: string): string => text.replace(CONTROLS, "·");
