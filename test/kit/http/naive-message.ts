/**
 * A second reading of RFC 9110 and 9112, in strings and regular expressions: slow, clear, and
 * written apart from src/http, which must agree with it on every message.
 */
import { isIPv6 } from "#base/ip.ts";
import { FIELD_NAMES } from "#http/head.ts";

export const TCHAR = "!#$%&'*+\\-.^_`|~0-9A-Za-z";
export const TOKEN = `[${TCHAR}]+`;
const QUOTED_STRING = '"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"';
const PARAMETER = `[ \\t]*;[ \\t]*${TOKEN}=(?:${TOKEN}|${QUOTED_STRING})`;
const CODING = `${TOKEN}(?:${PARAMETER})*`;
const CODING_LIST = new RegExp(`^${CODING}(?:[ \\t]*,[ \\t]*${CODING})*$`);
const FIELD_LINE = new RegExp(`^(${TOKEN}):[ \\t]*([\\t -~\\x80-\\xff]*?)[ \\t]*\\r$`);
const PROTOCOLS = new RegExp(`^${TOKEN}(?:/${TOKEN})?(?:[ \\t]*,[ \\t]*${TOKEN}(?:/${TOKEN})?)*$`);

export interface NaiveField {
  readonly name: string;
  readonly value: string;
  hop: boolean;
}

/** Either a refusal (an HTTP status for requests, 502 for responses), or `more`, or the head. */
export type Naive<T> = number | "more" | T;

export const ALWAYS_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

const KNOWN: ReadonlySet<string> = new Set<string>(FIELD_NAMES.slice(1));
const isAlias = (name: string): boolean => {
  const lower = name.toLowerCase();
  return !KNOWN.has(lower) && KNOWN.has(lower.replaceAll("_", "-"));
};

/** The field in a line without its LF; undefined when it is wrong. */
export function naiveField(line: string): NaiveField | undefined {
  const m = FIELD_LINE.exec(line);
  if (!m) return undefined;
  const name = m[1]!;
  return { name, value: m[2]!, hop: ALWAYS_HOP.has(name.toLowerCase()) || isAlias(name) };
}

export function naiveHost(value: string): boolean {
  const m = /^(?:\[([^\]]*)\]|([\w~-]+(?:\.[\w~-]+)*\.?))(?::(\d{1,5}))?$/.exec(value);
  if (!m || Number(m[3] ?? 0) > 65535 || (m[2]?.length ?? 0) > 255) return false;
  return m[1] === undefined || isIPv6(m[1]);
}

export function naiveLength(value: string): number | undefined {
  if (!/^(?:0|[1-9]\d{0,15})$/.test(value)) return undefined;
  return Number(value) <= Number.MAX_SAFE_INTEGER ? Number(value) : undefined;
}

export function naiveCoding(value: string): "chunked" | "unknown" | "malformed" {
  if (value.toLowerCase() === "chunked") return "chunked";
  if (!CODING_LIST.test(value)) return "malformed";
  const members = value.replace(/"(?:[^"\\]|\\.)*"/g, "q").split(",");
  const early = members.slice(0, -1).map((member) => member.split(";")[0]!.trim().toLowerCase());
  return early.includes("chunked") ? "malformed" : "unknown";
}

/** Lower-case options of one Connection value; undefined when it must be refused. */
export function naiveOptions(value: string, response: boolean): string[] | undefined {
  const options = value
    .split(",")
    .map((option) => option.replace(/^[ \t]+|[ \t]+$/g, "").toLowerCase())
    .filter((option) => option !== "");
  for (const option of options) {
    if (!new RegExp(`^${TOKEN}$`).test(option) || isAlias(option)) return undefined;
    if (["close", "keep-alive", "upgrade", "trailer"].includes(option)) continue;
    if (option === "transfer-encoding" ? !response : KNOWN.has(option) && !ALWAYS_HOP.has(option)) {
      return undefined;
    }
  }
  return options;
}

/** What fields mean to requests and responses alike, as far as they were read. */
export class NaiveMeaning {
  readonly fields: NaiveField[] = [];
  readonly options: string[] = [];
  length: number | undefined;
  chunked = false;
  upgrade: string | undefined;
  readonly version: number;
  readonly response: boolean;

  constructor(version: number, response: boolean) {
    this.version = version;
    this.response = response;
  }

  has(name: string): boolean {
    return this.fields.some((field) => field.name.toLowerCase() === name);
  }

  /** Takes the next field: "ok", "malformed" or "unknown" (a coding we do not speak). */
  take(field: NaiveField): "ok" | "malformed" | "unknown" {
    const name = field.name.toLowerCase();
    if (name === "content-length" || name === "transfer-encoding") {
      if (this.length !== undefined || this.chunked) return "malformed";
    }
    if (name === "content-length") {
      this.length = naiveLength(field.value);
      if (this.length === undefined) return "malformed";
    }
    if (name === "transfer-encoding") {
      const coding = this.version === 11 ? naiveCoding(field.value) : "malformed";
      if (coding !== "chunked") return coding;
      this.chunked = true;
    }
    if (name === "connection") {
      const options = naiveOptions(field.value, this.response);
      if (!options) return "malformed";
      this.options.push(...options);
    }
    if (name === "upgrade") {
      if (!PROTOCOLS.test(field.value)) return "malformed";
      this.upgrade = `${this.upgrade ?? ""},${field.value.toLowerCase()}`;
    }
    this.fields.push(field);
    return "ok";
  }

  /** Marks what Connection names. False when it names too much. */
  markNamed(): boolean {
    const others = this.options.filter((o) => !["close", "keep-alive", "upgrade"].includes(o));
    if (others.length > 0 && this.options.length > 32) return false;
    for (const field of this.fields) {
      if (this.options.includes(field.name.toLowerCase())) field.hop = true;
    }
    return true;
  }

  drop(name: string): void {
    for (const field of this.fields) if (field.name.toLowerCase() === name) field.hop = true;
  }

  get keepAlive(): boolean {
    if (this.options.includes("close")) return false;
    return this.version === 11 || this.options.includes("keep-alive");
  }

  get mayUpgrade(): boolean {
    if (this.version !== 11 || this.upgrade === undefined) return false;
    const protocols = this.upgrade.split(",").map((p) => p.trim().split("/")[0]);
    return this.options.includes("upgrade") && !protocols.includes("h2c");
  }
}
