import { assert } from "#base/assert.ts";
import { ByteTable } from "#base/byte-table.ts";
import { latin1 } from "#base/bytes.ts";
import type { CookiePlan, ServerPlan } from "#plan/plan.ts";

/**
 * Cookie persistence of one backend: which server a client's cookie names, and how that cookie is
 * kept from servers and given to clients. What depends on the Plan alone is made here, once; the
 * functions that run for a request are in persistence-cookies.ts. The proxy goes through them like
 * this:
 *
 *     request   found = findServer(p, bytes, head): a position, NO_COOKIE or UNKNOWN_SERVER
 *               p.editsRequests: writeCookie(…) in place of each Cookie field's line
 *     answer    writeSetCookie(…) in place of each Set-Cookie field's line
 *               then addedLines(p, found, position) behind the answer's fields
 *
 * mode     | the client's cookie | the server is sent          | the client is sent
 * insert   | ours                | it too; with `indirect` not | ours, if another server answered;
 *          |                     |                             | the server's of that name never
 * rewrite  | the application's   | it                          | the server's, its value replaced
 * prefix   | the application's   | it without `server~`        | the server's, its value prefixed
 */
export class Persistence {
  readonly mode: CookiePlan["mode"];
  /** Name of the cookie. */
  readonly name: Uint8Array;
  /** Cookie lines of requests must be written by writeCookie. */
  readonly editsRequests: boolean;
  /** Most bytes by which writeSetCookie makes a line longer. */
  readonly growBytes: number;
  /** What the cookie says for each server by position; empty for one without persistence. */
  readonly values: readonly Uint8Array[];
  /** Header lines that give a client each server's cookie, by position. */
  readonly lines: readonly Uint8Array[];
  /** Header lines that take the cookie from a client. */
  readonly expiry: Uint8Array;
  /** Index among the distinct values, and the first server's position by that. */
  readonly table: ByteTable;

  constructor(plan: CookiePlan, servers: readonly ServerPlan[]) {
    for (const { name, cookie } of servers) {
      assert(/^[!#-+\--:<-[\]-~]*$/.test(cookie), `the cookie of server ${name} cannot be a value`);
    }
    const attributes = attributesOf(plan);
    const cache = plan.nocache ? "Cache-Control: private\r\n" : "";
    this.mode = plan.mode;
    this.name = latin1(plan.name);
    this.editsRequests = plan.mode === "prefix" || (plan.mode === "insert" && plan.indirect);
    this.values = servers.map(({ cookie }) => latin1(cookie));
    this.growBytes = Math.max(0, ...this.values.map((value) => value.length)) + 1;
    this.lines = servers.map(({ cookie }) => {
      const age =
        plan.maxAgeMs === undefined ? "" : `; Max-Age=${Math.round(plan.maxAgeMs / 1000)}`;
      return latin1(`Set-Cookie: ${plan.name}=${cookie}${attributes}${age}\r\n${cache}`);
    });
    const gone = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    this.expiry = latin1(`Set-Cookie: ${plan.name}=${attributes}; ${gone}\r\n${cache}`);
    this.table = new ByteTable(this.values);
  }
}

export const compilePersistence = (plan: CookiePlan, servers: readonly ServerPlan[]): Persistence =>
  new Persistence(plan, servers);

const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;

/** Attributes of the cookies we make (RFC 6265 §4.1), but for its age. */
function attributesOf(plan: CookiePlan): string {
  const parts = [
    plan.path === "" ? "" : `Path=${plan.path}`,
    plan.domain === undefined ? "" : `Domain=${plan.domain}`,
    plan.httpOnly ? "HttpOnly" : "",
    plan.secure ? "Secure" : "",
    plan.sameSite === undefined ? "" : `SameSite=${SAME_SITE[plan.sameSite]}`,
  ];
  return parts
    .filter((part) => part !== "")
    .map((part) => `; ${part}`)
    .join("");
}
