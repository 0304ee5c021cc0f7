import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { latin1, textOf } from "#base/bytes.ts";
import { FIELD, FIELD_WORDS, Head } from "#http/head.ts";
import { parseRequest } from "#http/request-parser.ts";
import { allocatedBytes } from "#kit/heap.ts";
import type { CookiePlan, ServerPlan } from "#plan/plan.ts";
import { compilePersistence, type Persistence } from "./persistence.ts";
import {
  addedLines,
  fateOfOwn,
  findServer,
  isOwnSetCookie,
  NO_COOKIE,
  UNKNOWN_SERVER,
  writeCookie,
  writeSetCookie,
} from "./persistence-cookies.ts";
import { GIVEN } from "./tables.ts";

const PLAN: CookiePlan = {
  name: "SRV",
  mode: "insert",
  indirect: true,
  nocache: true,
  httpOnly: true,
  secure: false,
  sameSite: "lax",
  path: "/",
  domain: undefined,
  maxAgeMs: undefined,
};

const create = (plan: Partial<CookiePlan>, values: readonly string[] = ["s1", "s2", ""]) =>
  compilePersistence(
    { ...PLAN, ...plan },
    values.map((cookie, i) => ({ name: `server${i}`, cookie }) as ServerPlan),
  );

const LIMITS = { headBytes: 8192, headers: 50, uriBytes: 100 };

function parse(...cookies: string[]): { bytes: Uint8Array; head: Head } {
  const lines = cookies.map((value) => `Cookie: ${value}\r\n`).join("");
  const bytes = latin1(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
  const head = new Head(50);
  assert.ok(parseRequest(bytes, 0, bytes.length, head, LIMITS) > 0, `refused: ${lines}`);
  return { bytes, head };
}

const find = (p: Persistence, ...cookies: string[]): number => {
  const { bytes, head } = parse(...cookies);
  return findServer(p, bytes, head);
};

/** The Cookie lines that the server is sent. */
function forwarded(p: Persistence, ...cookies: string[]): string {
  const { bytes, head } = parse(...cookies);
  const out = new Uint8Array(10_000);
  let at = 3;
  for (let i = head.find(FIELD.COOKIE); i >= 0; i = head.find(FIELD.COOKIE, i + 1)) {
    const value = i * FIELD_WORDS + 2;
    const from = head.fields[value]!;
    const to = head.fields[value + 1]!;
    const end = writeCookie(p, bytes, from, to, out, at);
    assert.ok(end - at <= 2 * (to - from) + 10);
    at = end;
  }
  return textOf(out, 3, at);
}

function answered(p: Persistence, position: number, value: string): string {
  const bytes = latin1(`<${value}>`);
  const out = new Uint8Array(10_000);
  const end = writeSetCookie(p, bytes, 1, bytes.length - 1, position, out, 5);
  assert.ok(end - 5 <= value.length + 14 + p.growBytes);
  return textOf(out, 5, end);
}

const added = (p: Persistence, found: number, position: number): string => {
  const lines = addedLines(p, found, position);
  return textOf(lines, 0, lines.length);
};

test("the server that a cookie names", () => {
  const p = create({});
  assert.equal(find(p), NO_COOKIE);
  assert.equal(find(p, "a=b; SRV=s2"), 1);
  assert.equal(find(p, "a=b;SRV=s1 ;c=d"), 0);
  assert.equal(find(p, "a=b", "SRV=s2"), 1);
  assert.equal(find(p, "SRV=gone"), UNKNOWN_SERVER);
  assert.equal(find(p, "SRV=gone; SRV=s2"), 1, "the first that means a server");
  assert.equal(find(p, "SRV="), UNKNOWN_SERVER, "an empty value is no server without a cookie");
  assert.equal(find(p, "srv=s1; XSRV=s1; SRVX=s1; SRV"), NO_COOKIE);
  assert.equal(find(p, "SRV=s1~x"), UNKNOWN_SERVER);
});

test("prefix mode looks before the ~", () => {
  const p = create({ mode: "prefix" }, ["s1", "s~2"]);
  assert.equal(find(p, "SRV=s1~abc"), 0);
  assert.equal(find(p, "SRV=s1~"), 0);
  assert.equal(find(p, "SRV=s1"), UNKNOWN_SERVER);
  assert.equal(find(p, "SRV=s~2~abc"), 1);
  assert.equal(forwarded(p, "a=1; SRV=s1~abc~d; b=2"), "Cookie: a=1; SRV=abc~d; b=2\r\n");
  assert.equal(forwarded(p, "SRV=s~2~abc"), "Cookie: SRV=abc\r\n");
  assert.equal(forwarded(p, "SRV=old~abc"), "Cookie: SRV=abc\r\n", "also of a server that is gone");
  assert.equal(forwarded(p, "SRV=abc"), "Cookie: SRV=abc\r\n");
});

test("insert with indirect keeps the cookie from the server", () => {
  const p = create({});
  assert.ok(p.editsRequests);
  assert.equal(forwarded(p, "a=1;SRV=s1;  b=2 ;; flag"), "Cookie: a=1; b=2; flag\r\n");
  assert.equal(forwarded(p, "SRV=s1; SRV=s2"), "", "no line when nothing is left");
  assert.equal(forwarded(p, "SRV=s1", "a=1"), "Cookie: a=1\r\n");
  assert.ok(!create({ indirect: false }).editsRequests);
  assert.ok(!create({ mode: "rewrite" }).editsRequests);
});

test("the server's own Set-Cookie", () => {
  const value = "SRV=abc; Path=/x; HttpOnly";
  assert.equal(answered(create({}), 0, value), "", "insert: the name is ours");
  assert.equal(answered(create({}), 0, "SRV =x"), "", "as a browser would read the name");
  const rewrite = create({ mode: "rewrite" });
  assert.equal(answered(rewrite, 1, value), "Set-Cookie: SRV=s2; Path=/x; HttpOnly\r\n");
  assert.equal(answered(rewrite, 2, value), `Set-Cookie: ${value}\r\n`, "a server without one");
  const prefix = create({ mode: "prefix" });
  assert.equal(answered(prefix, 1, value), "Set-Cookie: SRV=s2~abc; Path=/x; HttpOnly\r\n");
  assert.equal(answered(prefix, 1, "SRV="), "Set-Cookie: SRV=s2~\r\n");
  for (const p of [create({}), rewrite, prefix]) {
    for (const other of ["SRVX=abc; Path=/", "X=SRV=1", "SRV", "", "; SRV=1"]) {
      assert.equal(answered(p, 0, other), `Set-Cookie: ${other}\r\n`);
    }
  }
});

test("what the log says of the server's own Set-Cookie", () => {
  const bytes = latin1("SRV =x; Path=/");
  assert.ok(isOwnSetCookie(create({}), bytes, 0, bytes.length));
  assert.ok(!isOwnSetCookie(create({}), latin1("X=1; SRV=x"), 0, 10));
  assert.equal(fateOfOwn(create({}), 0), GIVEN.DELETED);
  for (const mode of ["prefix", "rewrite"] as const) {
    assert.equal(fateOfOwn(create({ mode }), 1), GIVEN.REWRITTEN);
    assert.equal(fateOfOwn(create({ mode }), 2), GIVEN.PASSED, "a server without a cookie");
  }
});

test("what a client is given", () => {
  const line = "Set-Cookie: SRV=s1; Path=/; HttpOnly; SameSite=Lax\r\n";
  const p = create({});
  assert.equal(added(p, NO_COOKIE, 0), `${line}Cache-Control: private\r\n`);
  assert.equal(added(p, 0, 0), "", "it has the right one");
  assert.match(added(p, 0, 1), /^Set-Cookie: SRV=s2;/, "redispatched");
  assert.match(added(p, UNKNOWN_SERVER, 0), /^Set-Cookie: SRV=s1;/);
  assert.equal(added(p, NO_COOKIE, 2), "", "a server without a cookie");
  assert.match(added(p, UNKNOWN_SERVER, 2), /^Set-Cookie: SRV=; .*Max-Age=0; Expires=Thu, 01 Jan/);
  assert.equal(added(create({ mode: "prefix" }), NO_COOKIE, 0), "");
  const full = create({
    nocache: false,
    secure: true,
    httpOnly: false,
    sameSite: "none",
    path: "/app",
    domain: "example.com",
    maxAgeMs: 3_600_000,
  });
  assert.equal(
    added(full, NO_COOKIE, 0),
    "Set-Cookie: SRV=s1; Path=/app; Domain=example.com; Secure; SameSite=None; Max-Age=3600\r\n",
  );
});

test("fast ≡ naive over random cookies", () => {
  const word = fc.constantFrom("SRV", "SRVX", "s1", "s~2", "a", "~", "s1~abc", "");
  const part = fc
    .tuple(fc.constantFrom("", " ", "  "), word, fc.constantFrom("=", ""), word)
    .map((words) => words.join(""));
  const field = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(";").trim());
  const mode = fc.constantFrom("insert" as const, "prefix" as const, "rewrite" as const);
  fc.assert(
    fc.property(fc.array(field, { maxLength: 3 }), mode, (fields, mode) => {
      const values = ["s1", "s~2", ""];
      const p = create({ mode }, values);
      assert.equal(find(p, ...fields), naiveFind(mode, values, fields));
      assert.equal(forwarded(p, ...fields), fields.map((f) => naiveLine(mode, values, f)).join(""));
    }),
    { numRuns: 1000 },
  );
});

const partsOf = (field: string): string[] =>
  field
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part !== "");

function prefixOf(values: readonly string[], value: string): string | undefined {
  const known = values.filter((v) => v !== "" && value.startsWith(`${v}~`));
  known.sort((a, b) => a.length - b.length);
  return known[0] ?? (value.includes("~") ? value.slice(0, value.indexOf("~")) : undefined);
}

function naiveFind(mode: string, values: readonly string[], fields: readonly string[]): number {
  const own = fields.flatMap(partsOf).filter((part) => part.startsWith("SRV="));
  for (const part of own) {
    const value = part.slice(4).trim();
    const server = mode === "prefix" ? prefixOf(values, value) : value;
    if (server && values.includes(server)) return values.indexOf(server);
  }
  return own.length > 0 ? UNKNOWN_SERVER : NO_COOKIE;
}

function naiveLine(mode: string, values: readonly string[], field: string): string {
  const kept = partsOf(field).flatMap((part) => {
    if (!part.startsWith("SRV=")) return [part];
    if (mode === "insert") return [];
    const prefix = mode === "prefix" ? prefixOf(values, part.slice(4)) : undefined;
    return [prefix === undefined ? part : `SRV=${part.slice(4 + prefix.length + 1)}`];
  });
  return kept.length > 0 ? `Cookie: ${kept.join("; ")}\r\n` : "";
}

test("allocates nothing for a request", () => {
  const p = create({ mode: "prefix" });
  const { bytes, head } = parse("a=1; SRV=s1~abc; b=2");
  const out = new Uint8Array(100);
  const from = head.fields[head.find(FIELD.COOKIE) * FIELD_WORDS + 2]!;
  let sum = 0;
  const run = () => {
    for (let i = 0; i < 100_000; i++) {
      sum += findServer(p, bytes, head);
      sum += writeCookie(p, bytes, from, from + 20, out, 0);
      sum += writeSetCookie(p, bytes, from + 5, from + 15, 0, out, 0);
      sum += addedLines(p, NO_COOKIE, 1).length;
    }
  };
  run();
  const grown = allocatedBytes(run, 100_000);
  assert.ok(grown < 100_000, `${grown} bytes for 100,000 requests (${sum})`);
});
