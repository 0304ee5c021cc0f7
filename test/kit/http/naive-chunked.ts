import { naiveField, TOKEN } from "./naive-message.ts";

/** What a whole chunked body says; undefined when it is malformed. */
export interface NaiveBody {
  /** Characters of the body, framing with it. */
  end: number;
  content: string;
  /** Names of trailers, all of them, in lower case. */
  trailers: string[];
}

const QUOTED = '"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"';
const SIZE_LINE = new RegExp(
  `^([0-9a-fA-F]{1,16})((?:;${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?)*)\\r$`,
);

/**
 * The chunked body at the beginning of `text`, or "more", or "malformed". Whole lines are judged.
 */
export function naiveChunked(text: string): NaiveBody | "more" | "malformed" {
  let at = 0;
  let content = "";
  let extensions = 0;
  for (;;) {
    const lf = text.indexOf("\n", at);
    if (lf < 0) return "more";
    const m = SIZE_LINE.exec(text.slice(at, lf));
    if (!m) return "malformed";
    const size = Number.parseInt(m[1]!, 16);
    extensions += m[2]!.length;
    if (size > Number.MAX_SAFE_INTEGER || extensions > 4096) return "malformed";
    at = lf + 1;
    if (size === 0) return naiveTrailers(text, at, content);
    content += text.slice(at, at + size);
    at += size;
    if (at + 2 > text.length) return at < text.length && text[at] !== "\r" ? "malformed" : "more";
    if (text.slice(at, at + 2) !== "\r\n") return "malformed";
    at += 2;
  }
}

function naiveTrailers(
  text: string,
  from: number,
  content: string,
): ReturnType<typeof naiveChunked> {
  const trailers: string[] = [];
  for (let at = from; ; ) {
    const lf = text.indexOf("\n", at);
    if (trailers.length === 64 && at < text.length && text[at] !== "\r") return "malformed";
    if (lf < 0) return text.length - from >= 4096 ? "malformed" : "more";
    if (lf - from >= 4096) return "malformed";
    const line = text.slice(at, lf);
    at = lf + 1;
    if (line === "\r") return { end: at, content, trailers };
    const field = naiveField(line);
    if (!field) return "malformed";
    trailers.push(field.name.toLowerCase());
  }
}
