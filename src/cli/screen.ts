/** A terminal as `weir top` needs it: keys come in, frames go out. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Replaces what is shown. */
  draw(lines: readonly string[]): void;
  /** Gives the terminal back as it was. */
  close(): void;
}

const CLEAR_LINE = "\u001b[K";
const HOME = "\u001b[H";
const CLEAR_BELOW = "\u001b[J";
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";

/** Takes over the terminal: alternate screen, keys one by one without echo. */
export function openScreen(
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
  onKey: (key: string) => void,
): Screen {
  const pressed = (data: Buffer): void => onKey(data.toString());
  input.setRawMode(true);
  input.on("data", pressed).resume();
  output.write(ENTER);
  return {
    get columns() {
      return output.columns;
    },
    get rows() {
      return output.rows;
    },
    draw(lines) {
      output.write(HOME + lines.map((line) => line + CLEAR_LINE).join("\r\n") + CLEAR_BELOW);
    },
    close() {
      input.off("data", pressed).pause();
      input.setRawMode(false);
      output.write(LEAVE);
    },
  };
}
