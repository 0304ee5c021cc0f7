import type { HeadLimits } from "#http/head.ts";
import {
  type Naive,
  type NaiveField,
  NaiveMeaning,
  naiveField,
  naiveHost,
  TCHAR,
} from "./naive-message.ts";

export interface NaiveRequest {
  /** Characters of the head. */
  end: number;
  method: string;
  target: string;
  form: "origin" | "absolute" | "asterisk";
  path: string;
  query: string;
  host: string;
  version: number;
  framing: "none" | "length" | "chunked";
  contentLength: number;
  keepAlive: boolean;
  upgrade: boolean;
  expectContinue: boolean;
  fields: NaiveField[];
}

type Line = Pick<
  NaiveRequest,
  "method" | "target" | "form" | "path" | "query" | "host" | "version"
>;

const METHOD = new RegExp(`^[${TCHAR}]*`);
const PATH_AND_QUERY = /^([!$-;=?-[\]-~]*?)(?:\?([!"$-~]*))?$/;
const PATH_RUN = /^(?:[!$-;=@-[\]-~]*)(?:\?[!"$-~]*)?/;
const ABSOLUTE = /^(https?:\/\/)([\w.~:[\]-]*)/i;

/** Where the first `%` that two hex digits do not follow, or `%00`, is seen to be wrong; or -1. */
function brokenEncoding(path: string): number {
  const at = path.search(/%(?![0-9a-f]{2})|%00/i);
  if (at < 0) return -1;
  return /^[0-9a-f]/i.test(path.slice(at + 1)) ? at + 2 : at + 1;
}

function naiveTarget(rest: string, uriBytes: number): number | Omit<Line, "method" | "version"> {
  const from = rest[0];
  const absolute = ABSOLUTE.exec(rest);
  const before = absolute?.[0] ?? "";
  if (from !== "/" && from !== "*" && !absolute) return 400;
  if (before.length > uriBytes) return 414;
  if (absolute && !/^[/? ]/.test(rest.slice(before.length))) return 400;
  if (absolute && !naiveHost(absolute[2]!)) return 400;
  const run = from === "*" ? "*" : before + PATH_RUN.exec(rest.slice(before.length))![0];
  const broken = brokenEncoding(run.slice(before.length).replace(/\?.*/, ""));
  if (broken >= 0 && before.length + broken <= uriBytes) return 400;
  if (run.length > uriBytes) return 414;
  const m = PATH_AND_QUERY.exec(from === "*" ? "" : run.slice(before.length))!;
  return {
    target: run,
    form: absolute ? "absolute" : from === "*" ? "asterisk" : "origin",
    path: m[1]!,
    query: m[2] ?? "",
    host: absolute?.[2] ?? "",
  };
}

/** A request line without its LF: an HTTP status, or its parts. Strictly from left to right. */
function naiveLine(line: string, limits: HeadLimits): number | Line {
  const method = METHOD.exec(line)![0];
  if (method.length > 32) return 501;
  if (method === "" || line[method.length] !== " ") return 400;
  if (method === "CONNECT") return 501;
  const rest = line.slice(method.length + 1);
  const target = naiveTarget(rest, limits.uriBytes);
  if (typeof target === "number") return target;
  const version = / HTTP\/(\d)\.(\d)/y;
  version.lastIndex = target.target.length;
  const m = version.exec(rest);
  if (!m) return 400;
  if (m[1] !== "1" || Number(m[2]) > 1) return 505;
  if (rest.slice(version.lastIndex) !== "\r") return 400;
  if (target.form === "asterisk" && method !== "OPTIONS") return 400;
  return { ...target, method, version: 10 + Number(m[2]) };
}

function conclude(line: Line, meaning: NaiveMeaning, end: number): number | NaiveRequest {
  if (line.version === 11 && !meaning.has("host")) return 400;
  if (!meaning.markNamed()) return 400;
  const body = meaning.chunked || (meaning.length ?? 0) > 0;
  if (!meaning.chunked) meaning.drop("trailer");
  if (body && line.method === "TRACE") return 400;
  const expectContinue = meaning.has("expect") && body && line.version === 11;
  if (!expectContinue) meaning.drop("expect");
  return {
    ...line,
    end,
    host: line.host || (meaning.fields.find((f) => f.name.toLowerCase() === "host")?.value ?? ""),
    framing: meaning.chunked ? "chunked" : meaning.length === undefined ? "none" : "length",
    contentLength: meaning.length ?? 0,
    keepAlive: meaning.keepAlive,
    upgrade: !body && meaning.mayUpgrade,
    expectContinue,
    fields: meaning.fields,
  };
}

/** The request head at the beginning of `text`. */
export function naiveRequest(text: string, limits: HeadLimits): Naive<NaiveRequest> {
  let at = text.startsWith("\r\n") ? 2 : 0;
  let line: Line | undefined;
  let meaning = new NaiveMeaning(11, false);
  for (;;) {
    const lf = text.indexOf("\n", at);
    if (line && at < text.length && text[at] !== "\r" && meaning.fields.length === limits.headers) {
      return 431;
    }
    if (lf < 0) return "more";
    const raw = text.slice(at, lf);
    at = lf + 1;
    if (!line) {
      const read = naiveLine(raw, limits);
      if (typeof read === "number") return read;
      line = read;
      meaning = new NaiveMeaning(line.version, false);
    } else if (raw === "\r") {
      return conclude(line, meaning, at);
    } else {
      const status = takeField(raw, line, meaning);
      if (status !== 0) return status;
    }
  }
}

function takeField(raw: string, line: Line, meaning: NaiveMeaning): number {
  const field = naiveField(raw);
  if (!field) return 400;
  const name = field.name.toLowerCase();
  if (name === "host") {
    if (meaning.has("host") || !naiveHost(field.value)) return 400;
    if (line.form === "absolute" && field.value.toLowerCase() !== line.host.toLowerCase()) {
      return 400;
    }
  }
  if (name === "expect" && field.value.toLowerCase() !== "100-continue") return 400;
  const taken = meaning.take(field);
  return taken === "ok" ? 0 : taken === "unknown" ? 501 : 400;
}
