import type { Socket } from "node:net";

/**
 * What the client must get: 502 or 504, an answer that is visibly cut short (or 502, where nothing
 * of it was sent on yet), or a whole answer with the body "good".
 */
export type Outcome = 502 | 504 | "cut" | "good";

/** An answer no balancer may pass on, or a way of sending one. */
export interface HostileResponse {
  readonly name: string;
  readonly outcome: Outcome;
  /** Request method; GET where absent. */
  readonly method?: string;
  play(socket: Socket): void;
}

const OK = "HTTP/1.1 200 OK\r\n";
const GOOD = `${OK}Content-Length: 4\r\n\r\ngood`;
const EVIL = `${OK}Content-Length: 4\r\n\r\nevil`;
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

/** Sends it and leaves the connection open: what is wrong must be seen in the bytes. */
const says = (name: string, outcome: Outcome, bytes: string, method = "GET"): HostileResponse => ({
  name,
  outcome,
  method,
  play: (socket) => void socket.write(bytes, "latin1"),
});

/** Sends it and closes in order. */
const ends = (name: string, outcome: Outcome, bytes: string): HostileResponse => ({
  name,
  outcome,
  play: (socket) => void socket.end(bytes, "latin1"),
});

/** Sends pieces a while apart, then does nothing. */
const drips = (
  name: string,
  outcome: Outcome,
  everyMs: number,
  piece: (i: number) => string,
): HostileResponse => ({
  name,
  outcome,
  play(socket) {
    let i = 0;
    const timer = setInterval(() => socket.write(piece(i++), "latin1"), everyMs);
    socket.on("close", () => clearInterval(timer));
  },
});

const lines: readonly HostileResponse[] = [
  ["no HTTP", "hello\r\n\r\n"],
  ["an empty line first", `\r\n${EVIL}`],
  ["ICY", "ICY 200 OK\r\nContent-Length: 4\r\n\r\nevil"],
  ["HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 4\r\n\r\nevil"],
  ["HTTP/1.2", "HTTP/1.2 200 OK\r\nContent-Length: 4\r\n\r\nevil"],
  ["small http", "http/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"],
  ["no status", "HTTP/1.1\r\nContent-Length: 4\r\n\r\nevil"],
  ["status 99", "HTTP/1.1 099 No\r\nContent-Length: 4\r\n\r\nevil"],
  ["status 600", "HTTP/1.1 600 No\r\nContent-Length: 4\r\n\r\nevil"],
  ["status 2000", "HTTP/1.1 2000 No\r\nContent-Length: 4\r\n\r\nevil"],
  ["status -20", "HTTP/1.1 -20 No\r\nContent-Length: 4\r\n\r\nevil"],
  ["status in words", "HTTP/1.1 two OK\r\nContent-Length: 4\r\n\r\nevil"],
  ["two spaces", "HTTP/1.1  200 OK\r\nContent-Length: 4\r\n\r\nevil"],
  ["a tab", "HTTP/1.1\t200 OK\r\nContent-Length: 4\r\n\r\nevil"],
  ["LF alone", "HTTP/1.1 200 OK\nContent-Length: 4\n\nevil"],
  ["CR in the reason", "HTTP/1.1 200 O\rK\r\nContent-Length: 4\r\n\r\nevil"],
  ["NUL in the reason", "HTTP/1.1 200 O\0K\r\nContent-Length: 4\r\n\r\nevil"],
  ["a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a TLS alert", "\x15\x03\x01\0\x02\x02\x0a"],
  ["an HTTP/2 frame", "\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64"],
].map(([name, bytes]) => says(`status line: ${name}`, 502, bytes!));

const fields: readonly HostileResponse[] = [
  ["no colon", "Broken"],
  ["an empty name", ": x"],
  ["a space before the colon", "X : y"],
  ["obs-fold", "X: a\r\n b"],
  ["NUL in a value", "Set-Cookie: a\0b"],
  ["CR in a value", "X: a\rb"],
  ["LF alone behind a value", "X: a\nY: b"],
  ["a control byte in a value", "X: \x01"],
  ["a name in quotes", '"X": a'],
  ["Content-Length twice, the same", "Content-Length: 4"],
  ["Content-Length twice, different", "Content-Length: 5"],
  ["Transfer-Encoding beside Content-Length", "Transfer-Encoding: chunked"],
  ["Connection names Content-Length", "Connection: content-length"],
].map(([name, line]) => says(name!, 502, `${OK}Content-Length: 4\r\n${line}\r\n\r\nevil`));

const framings: readonly HostileResponse[] = [
  ...["", "-4", "+4", "4, 4", "4 4", "0x4", "04", "4.0", "four", "4\0", "9007199254740992"].map(
    (length) => [`Content-Length: ${JSON.stringify(length)}`, `Content-Length: ${length}`],
  ),
  ["Content-Length: 2⁶⁴ + 4", "Content-Length: 18446744073709551620"],
  ["Transfer-Encoding twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"],
  ...["", "chunked,", "chunked, chunked", "gzip", "gzip, chunked", "identity", "\x0bchunked"].map(
    (coding) => [`Transfer-Encoding: ${JSON.stringify(coding)}`, `Transfer-Encoding: ${coding}`],
  ),
].map(([name, line]) => says(name!, 502, `${OK}${line}\r\n\r\n4\r\nevil\r\n0\r\n\r\n`));

const statuses: readonly HostileResponse[] = [
  says("Transfer-Encoding of HTTP/1.0", 502, `${CHUNKED.replace("1.1", "1.0")}0\r\n\r\n`),
  says("204 with a body", 502, "HTTP/1.1 204 No\r\nContent-Length: 4\r\n\r\nevil"),
  says("204 with chunks", 502, "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
  says(
    "101 that nobody asked for",
    502,
    "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
  ),
  says("101 without Upgrade", 502, "HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\n"),
  says("1xx with a body", 502, "HTTP/1.1 103 X\r\nContent-Length: 4\r\n\r\nevil"),
  says("1xx of HTTP/1.0", 502, "HTTP/1.0 103 X\r\n\r\n"),
  ends("103 and no more", 502, "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"),
  ends("100 and no more", 502, "HTTP/1.1 100 Continue\r\n\r\n"),
  says("103 and silence", 504, "HTTP/1.1 103 Early Hints\r\n\r\n"),
  says("103 and nonsense", 502, "HTTP/1.1 103 Early Hints\r\n\r\nevil\r\n\r\n"),
  says("103, then an answer", "good", `HTTP/1.1 103 Early Hints\r\n\r\n${GOOD}`),
  drips("103 without end", 502, 2, () => "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"),
  says("100 without end", 502, "HTTP/1.1 100 Continue\r\n\r\n".repeat(500) + EVIL),
  says("50 times 100, then an answer", "good", "HTTP/1.1 100 Continue\r\n\r\n".repeat(50) + GOOD),
];

const sizes: readonly HostileResponse[] = [
  says("fields without end", 502, `${OK}${"X: y\r\n".repeat(50_000)}`),
  says("a field without end", 502, `${OK}X: ${"y".repeat(200_000)}`),
  says("a reason without end", 502, `HTTP/1.1 200 ${"y".repeat(200_000)}`),
  says("101 fields", 502, `${OK}${"X: y\r\n".repeat(101)}\r\n`),
];

/**
 * The head is right and may be on its way by then: the client must see that the rest is missing.
 */
const bodies: readonly HostileResponse[] = [
  ends("less than the length", "cut", `${OK}Content-Length: 9\r\n\r\ngood`),
  ends("no body where one was promised", "cut", `${OK}Content-Length: 4\r\n\r\n`),
  says(
    "2⁵³ - 1 bytes, of which 4 come",
    "cut",
    `${OK}Content-Length: 9007199254740991\r\n\r\nevil`,
  ),
  ends("chunks without an end", "cut", `${CHUNKED}4\r\nevil\r\n`),
  ends("a chunk cut short", "cut", `${CHUNKED}9\r\nevil`),
  ends("trailers without an end", "cut", `${CHUNKED}4\r\nevil\r\n0\r\nX: y\r\n`),
  says("a chunk of 2⁵³ - 1 bytes", "cut", `${CHUNKED}1fffffffffffff\r\nevil`),
  ...[
    ["a chunk size with a sign", "-4\r\nevil\r\n0\r\n\r\n"],
    ["a chunk size in 0x", "0x4\r\nevil\r\n0\r\n\r\n"],
    ["a chunk size with a space", "4 \r\nevil\r\n0\r\n\r\n"],
    ["a chunk size of 2⁶⁴ + 4", "10000000000000004\r\nevil\r\n0\r\n\r\n"],
    ["a chunk size that is no number", "evil\r\n\r\n0\r\n\r\n"],
    ["a chunk line ended by LF", "4\nevil\r\n0\r\n\r\n"],
    ["a chunk without CRLF behind it", "4\r\nevil0\r\n\r\n"],
    ["a chunk longer than said", "4\r\nevils\r\n0\r\n\r\n"],
    ["a bare semicolon", "4;\r\nevil\r\n0\r\n\r\n"],
    ["an extension without end", `4;${"a".repeat(10_000)}\r\nevil\r\n0\r\n\r\n`],
    ["a trailer without colon", "4\r\nevil\r\n0\r\nBroken\r\n\r\n"],
    ["NUL in a trailer", "4\r\nevil\r\n0\r\nX: \0\r\n\r\n"],
    ["trailers over their limit", `4\r\nevil\r\n0\r\n${"X: y\r\n".repeat(2000)}\r\n`],
  ].map(([name, chunks]) => says(name!, "cut", CHUNKED + chunks)),
  {
    name: "a reset in the middle of a body",
    outcome: "cut",
    play(socket) {
      socket.write(`${OK}Content-Length: 99999\r\n\r\nevil`);
      setTimeout(() => socket.resetAndDestroy(), 20);
    },
  },
  {
    name: "a reset in a body that only its end delimits",
    outcome: "cut",
    play(socket) {
      socket.write(`${OK}Connection: close\r\n\r\nevil`);
      setTimeout(() => socket.resetAndDestroy(), 20);
    },
  },
  says("a body that stops", "cut", `${OK}Content-Length: 100000\r\n\r\n${"x".repeat(50_000)}`),
  drips("a promised length, drop by drop", "cut", 20, (i) =>
    i === 0 ? `${OK}Content-Length: 100000\r\n\r\n` : "x",
  ),
];

/** More than was asked for: the client gets its answer, and nobody gets the rest. */
const extras: readonly HostileResponse[] = [
  says("another answer behind the answer", "good", GOOD + EVIL),
  says("another answer behind chunks", "good", `${CHUNKED}4\r\ngood\r\n0\r\n\r\n${EVIL}`),
  says("nonsense behind the answer", "good", `${GOOD}\0\0\0\0`),
  says("a body behind HEAD", "good", `${OK}Content-Length: 4\r\n\r\nevil`, "HEAD"),
  says("an answer behind HEAD", "good", `${OK}Content-Length: 4\r\n\r\n${EVIL}`, "HEAD"),
];

/** What a server sends 20 ms after its answer, when nobody has asked it anything. */
export const UNASKED: Readonly<Record<string, (socket: Socket) => void>> = {
  "another answer": (socket) => void socket.write(EVIL),
  noise: (socket) => void socket.write("\0evil"),
  "an empty line": (socket) => void socket.write("\r\n"),
  "an end": (socket) => void socket.end(),
  "a reset": (socket) => void socket.resetAndDestroy(),
};

const silences: readonly HostileResponse[] = [
  { name: "no answer at all", outcome: 504, play: () => {} },
  { name: "an end without answer", outcome: 502, play: (socket) => void socket.end() },
  { name: "a reset without answer", outcome: 502, play: (socket) => void socket.resetAndDestroy() },
  ends("an end in the status line", 502, "HTTP/1.1 20"),
  ends("an end in the fields", 502, `${OK}Content-Length: 4\r\nX: `),
  says("silence in the status line", 504, "HTTP/1.1 20"),
  says("silence in the fields", 504, `${OK}Content-Length: 4\r\nX: `),
  drips("a status line, drop by drop", 504, 20, (i) => (i === 0 ? "HTTP/1.1 200 " : "O")),
  drips("fields, drop by drop", 504, 20, (i) => (i === 0 ? OK : "X: y\r\n")),
];

export const HOSTILE_RESPONSES: readonly HostileResponse[] = [
  ...lines,
  ...fields,
  ...framings,
  ...statuses,
  ...sizes,
  ...bodies,
  ...extras,
  ...silences,
];
