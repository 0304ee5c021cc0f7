import type { Fault, Place } from "#schema/index.ts";

/** Lines of source shown before the one at fault. */
const BEFORE = 2;
/** Longest source line shown; a longer one is cut round the fault. */
const MAX_LINE = 120;

export interface RenderOptions {
  /** ANSI colours; ask for them only where a terminal shows the text. */
  readonly colours?: boolean;
  /** Text of a source file, for the code frame. */
  readonly textOf?: (file: string) => string | undefined;
}

const plain = (text: string): string => text;
const sgr = (codes: string) => (text: string) => `\x1b[${codes}m${text}\x1b[0m`;

const PALETTES = {
  none: { error: plain, warning: plain, strong: plain, faint: plain, hint: plain },
  ansi: {
    error: sgr("1;31"),
    warning: sgr("1;33"),
    strong: sgr("1"),
    faint: sgr("2"),
    hint: sgr("32"),
  },
};
type Palette = typeof PALETTES.none;

/** `file:line:column`, or the file alone where it has no lines. */
export const placeText = ({ file, line, column }: Place): string =>
  line > 0 ? `${file}:${line}:${column}` : file;

/**
 * Faults as people and editors read them: `file:line:column: error: path: message`, the lines of
 * the file with the place underlined, what was expected, what was probably meant. Ends with a
 * newline.
 */
export function renderFaults(faults: readonly Fault[], options: RenderOptions = {}): string {
  const palette = options.colours ? PALETTES.ansi : PALETTES.none;
  const texts = new Map<string, readonly string[] | undefined>();
  const linesOf = (file: string): readonly string[] | undefined => {
    if (!texts.has(file)) texts.set(file, options.textOf?.(file)?.split(/\r?\n/));
    return texts.get(file);
  };
  return faults.map((fault) => renderFault(fault, linesOf(fault.place.file), palette)).join("\n");
}

function renderFault(fault: Fault, lines: readonly string[] | undefined, c: Palette): string {
  const { place, path, message, severity } = fault;
  const where = path === "" ? "" : `${path}: `;
  const out = [
    `${c.strong(`${placeText(place)}:`)} ${c[severity](`${severity}:`)} ${where}${message}`,
  ];
  if (lines && place.line > 0) out.push(...frame(place, lines, c[severity], c));
  if (fault.nearest !== undefined) out.push(`  ${c.hint(`did you mean "${fault.nearest}"?`)}`);
  else if (fault.expected !== undefined && !message.includes(fault.expected)) {
    out.push(`  ${c.hint(`expected ${fault.expected}`)}`);
  }
  return `${out.join("\n")}\n`;
}

/** The lines up to the fault, numbered, and a line that underlines it. */
function frame(
  { line, column, length }: Place,
  lines: readonly string[],
  mark: (text: string) => string,
  { faint }: Palette,
): string[] {
  const width = String(line).length;
  const shift = column + length > MAX_LINE ? Math.max(0, column - 40) : 0;
  const shown = (text: string): string => {
    const cut = text.slice(shift, shift + MAX_LINE);
    return text.length > shift + MAX_LINE ? `${cut}…` : cut;
  };
  const out: string[] = [];
  for (let n = Math.max(1, line - BEFORE); n <= line; n++) {
    const text = lines[n - 1];
    if (text === undefined) return out;
    out.push(`  ${faint(`${String(n).padStart(width)} |`)} ${shown(text)}`.trimEnd());
  }
  const before = shown(lines[line - 1]!).slice(0, column - 1 - shift);
  // Tabs stay tabs, so that the marks stand under what they mark.
  const gap = before.replace(/[^\t]/g, " ");
  const marks = "^".repeat(Math.min(length, MAX_LINE));
  out.push(`  ${" ".repeat(width)} ${faint("|")} ${gap}${mark(marks)}`);
  return out;
}

/** Faults as lines of GitHub's workflow commands, which annotate a pull request. */
export function renderGithub(faults: readonly Fault[]): string {
  const data = (text: string) =>
    text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (text: string) => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  return faults
    .map(({ place, severity, path, message }) => {
      const at =
        place.line > 0
          ? `,line=${place.line},col=${place.column},endColumn=${place.column + place.length}`
          : "";
      const where = path === "" ? "" : `${path}: `;
      return `::${severity} file=${property(place.file)}${at}::${data(where + message)}\n`;
    })
    .join("");
}

/** Faults as JSON, one array. */
export const renderJson = (faults: readonly Fault[]): string =>
  `${JSON.stringify(
    faults.map(({ place, ...fault }) => ({ ...place, ...fault })),
    undefined,
    2,
  )}\n`;
