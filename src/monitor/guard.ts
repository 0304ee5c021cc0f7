import type { IncomingHttpHeaders } from "node:http";
import { isIPv4, isIPv6 } from "#base/ip.ts";
import { type Reply, refuse } from "./route.ts";

/**
 * Who may ask what. The admin socket is guarded by its file mode and may change things. The page's
 * TCP port cannot know who is asking, so it changes nothing, and a web page that was opened from
 * elsewhere must not read it through somebody's browser either:
 *
 * - Host must be `localhost` or an address. A name could be an attacker's that now resolves to
 *   us (DNS rebinding); an address cannot.
 * - A browser that says the request comes from another site is refused, unless it is a visit.
 */
export type Door = "admin" | "page";

/** The refusal, or undefined when the request may go on. */
export function guard(
  door: Door,
  method: string | undefined,
  headers: IncomingHttpHeaders,
): Reply | undefined {
  if (door === "admin") return undefined;
  if (!isPlainHost(headers.host)) {
    return refuse("NOT_PERMITTED", "ask by address or as localhost, not by another name");
  }
  if (method !== "GET" && method !== "HEAD") {
    return refuse("NOT_PERMITTED", "this port only shows; change things with weir's commands");
  }
  if (headers["sec-fetch-site"] === "cross-site" && headers["sec-fetch-mode"] !== "navigate") {
    return refuse("NOT_PERMITTED", "asked by a page of another site");
  }
  return undefined;
}

/** `localhost`, `127.0.0.1:8404`, `[::1]:8404`. */
function isPlainHost(host: string | undefined): boolean {
  const m = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host ?? "");
  if (!m) return false;
  if (m[1] !== undefined) return isIPv6(m[1]);
  return m[2]!.toLowerCase() === "localhost" || isIPv4(m[2]!);
}

/**
 * Sent with every answer. Scripts, styles and pictures only from here; never framed, never kept.
 */
export const SECURITY_HEADERS = {
  "content-security-policy":
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
} as const;
