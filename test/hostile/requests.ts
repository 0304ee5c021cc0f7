/** Requests that two parties could read differently, or that nobody should send. */
export interface HostileRequest {
  readonly name: string;
  /** One character a byte. */
  readonly bytes: string;
  /** Status of the last answer; 0 = the connection ends without one. */
  readonly status: number;
  /**
   * `METHOD target` of the requests that may reach the server whole: none, unless something right
   * comes before what is wrong.
   */
  readonly reaches: readonly string[];
  /** The head may reach the server, as it was right; its body then never becomes whole. */
  readonly cut: boolean;
}

/** What would be served if somebody took the rest of a broken request for the next one. */
export const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: smuggled.example\r\n\r\n";

const GET = "GET /hostile HTTP/1.1\r\n";
const HOST = `${GET}Host: a.example\r\n`;
const POST = "POST /hostile HTTP/1.1\r\nHost: a.example\r\n";
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;
/** A chunked body that holds a request, for those who read it by length, and the reverse. */
const SMUGGLING_BODY = `0\r\n\r\n${SMUGGLED}`;

const refused = (name: string, bytes: string, status = 400): HostileRequest => ({
  name,
  bytes,
  status,
  reaches: [],
  cut: false,
});

const show = (text: string): string => JSON.stringify(text.slice(0, 40));

/** Content-Length and Transfer-Encoding against each other: CL.TE, TE.CL, TE.TE. */
const smuggling: readonly HostileRequest[] = [
  ["CL.TE", "Content-Length: 6\r\nTransfer-Encoding: chunked"],
  ["TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 6"],
  ["CL.0 with TE", "Content-Length: 0\r\nTransfer-Encoding: chunked"],
  ["TE.TE", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"],
  ["TE.TE, the second unknown", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x"],
  ["TE.TE with CL", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x"],
  ["Content-Length twice, the same", "Content-Length: 6\r\nContent-Length: 6"],
  ["Content-Length twice, different", "Content-Length: 6\r\nContent-Length: 5"],
  ["Content-Length, then 0", "Content-Length: 6\r\nContent-Length: 0"],
].map(([name, fields]) => refused(name!, `${POST}${fields}\r\n\r\n${SMUGGLING_BODY}`));

const codings: readonly HostileRequest[] = [
  "",
  "chunked,",
  ",chunked",
  "chunked, chunked",
  "chunked, identity",
  "chunked;",
  '"chunked"',
  "chunked chunked",
  "\x0bchunked",
  "chunked\x0b",
  "chunked\0",
  "\xa0chunked",
  "chunked\xa0",
  "\r\n chunked",
  "chun\tked",
].map((coding) =>
  refused(
    `Transfer-Encoding: ${show(coding)}`,
    `${POST}Transfer-Encoding: ${coding}\r\n\r\n${SMUGGLING_BODY}`,
  ),
);

const unknownCodings: readonly HostileRequest[] = [
  "identity",
  "xchunked",
  "chunkedx",
  "gzip",
  "gzip, chunked",
  "identity, chunked",
  "cow",
].map((coding) =>
  refused(
    `Transfer-Encoding: ${coding}, which is unknown`,
    `${POST}Transfer-Encoding: ${coding}\r\n\r\n${SMUGGLING_BODY}`,
    501,
  ),
);

/** Ways to hide a Transfer-Encoding from one of two readers. */
const hidden: readonly HostileRequest[] = [
  "Transfer-Encoding : chunked",
  "Transfer-Encoding\t: chunked",
  " Transfer-Encoding: chunked",
  "\tTransfer-Encoding: chunked",
  "Transfer-Encoding\0: chunked",
  "Transfer-Encoding\x00\r\n: chunked",
  "Transfer Encoding: chunked",
  "X: y\nTransfer-Encoding: chunked",
  "X: y\rTransfer-Encoding: chunked",
  "X: y\r\n Transfer-Encoding: chunked",
  "X: y\r\n\tTransfer-Encoding: chunked",
  "X: y\0Transfer-Encoding: chunked",
  "X: y\r\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding:chunked\r",
  "Transfer-Encoding",
  ": chunked",
  "Connection: transfer-encoding\r\nTransfer-Encoding: chunked",
  "Connection: content-length\r\nContent-Length: 6",
].map((fields) =>
  refused(
    `hidden framing: ${show(fields)}`,
    `${POST}${fields}\r\nContent-Length: 6\r\n\r\n${SMUGGLING_BODY}`,
  ),
);

const lengths: readonly HostileRequest[] = [
  "",
  "+6",
  "-6",
  "-1",
  "6,6",
  "6, 6",
  "6 6",
  "0x6",
  "6.0",
  "06",
  "6e0",
  "six",
  "9007199254740992",
  "18446744073709551622",
  "99999999999999999999999999",
  "6\0",
  "6\x0b",
].map((length) =>
  refused(`Content-Length: ${show(length)}`, `${POST}Content-Length: ${length}\r\n\r\n123456`),
);

const hosts: readonly HostileRequest[] = [
  ["no Host", GET],
  ["Host twice, the same", `${HOST}Host: a.example\r\n`],
  ["Host twice, different", `${HOST}Host: b.example\r\n`],
  ["Host twice, in other case", `${HOST}hOSt: b.example\r\n`],
  ["Host and a folded one", `${HOST} Host: b.example\r\n`],
  ...[
    "",
    "a,b",
    "user@a.example",
    "a.example/path",
    "a.example?q",
    "a.example#f",
    "a b",
    "a.example:",
    "a.example:x",
    "a.example:99999",
    "a.example:80:81",
    "[::1",
    "::1",
    "a..b",
    "%61.example",
    "a\\b",
    'a"b',
    "<a>",
    "a.example\0",
    "\xe4.example",
  ].map((host) => [`Host: ${show(host)}`, `${GET}Host: ${host}\r\n`]),
].map(([name, head]) => refused(name!, `${head}\r\n`));

const targets: readonly HostileRequest[] = [
  ["absolute form, another Host", "GET http://a.example/ HTTP/1.1\r\nHost: b.example"],
  ["absolute form, another port", "GET http://a.example:81/ HTTP/1.1\r\nHost: a.example"],
  ["absolute form, no Host", "GET http://a.example/ HTTP/1.1\r\nX: y"],
  ["absolute form with user", "GET http://u@a.example/ HTTP/1.1\r\nHost: a.example"],
  ["absolute form without host", "GET http:/// HTTP/1.1\r\nHost: a.example"],
  ["absolute form, another scheme", "GET ftp://a.example/ HTTP/1.1\r\nHost: a.example"],
  ["absolute form, file", "GET file:///etc/passwd HTTP/1.1\r\nHost: a.example"],
  ["authority form", "GET a.example:80 HTTP/1.1\r\nHost: a.example"],
  ["asterisk with GET", "GET * HTTP/1.1\r\nHost: a.example"],
  ["asterisk with more", "OPTIONS *x HTTP/1.1\r\nHost: a.example"],
  ["a path without slash", "GET hostile HTTP/1.1\r\nHost: a.example"],
  ["a fragment", "GET /a#b HTTP/1.1\r\nHost: a.example"],
  ["a backslash", "GET /a\\b HTTP/1.1\r\nHost: a.example"],
  ["NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: a.example"],
  ["DEL in the target", "GET /a\x7fb HTTP/1.1\r\nHost: a.example"],
  ["a byte over 127 in the target", "GET /\xff HTTP/1.1\r\nHost: a.example"],
  ["CR in the target", "GET /a\rb HTTP/1.1\r\nHost: a.example"],
  ["a target of two words", "GET /a b HTTP/1.1\r\nHost: a.example"],
].map(([name, head]) => refused(name!, `${head}\r\n\r\n`));

const lines: readonly HostileRequest[] = [
  ["HTTP/0.9", "GET /hostile\r\n"],
  ["HTTP/0.9 with fields", "GET /hostile\r\nHost: a.example\r\n\r\n"],
  ["no target", "GET HTTP/1.1\r\nHost: a.example\r\n\r\n"],
  ["no method", " /hostile HTTP/1.1\r\nHost: a.example\r\n\r\n"],
  ["two spaces before the target", "GET  /hostile HTTP/1.1\r\nHost: a.example\r\n\r\n"],
  ["two spaces before the version", "GET /hostile  HTTP/1.1\r\nHost: a.example\r\n\r\n"],
  ["a tab for a space", "GET\t/hostile HTTP/1.1\r\nHost: a.example\r\n\r\n"],
  ["a space after the version", "GET /hostile HTTP/1.1 \r\nHost: a.example\r\n\r\n"],
  ["a space first", " GET /hostile HTTP/1.1\r\nHost: a.example\r\n\r\n"],
  ["two empty lines first", "\r\n\r\nGET /hostile HTTP/1.1\r\nHost: a.example\r\n\r\n"],
  ["a bare LF first", "\nGET /hostile HTTP/1.1\r\nHost: a.example\r\n\r\n"],
  ["small http", "GET /hostile http/1.1\r\nHost: a.example\r\n\r\n"],
  ["HTTP/1.", "GET /hostile HTTP/1.\r\nHost: a.example\r\n\r\n"],
  ["HTTP/1.11", "GET /hostile HTTP/1.11\r\nHost: a.example\r\n\r\n"],
  ["HTTP/01.1", "GET /hostile HTTP/01.1\r\nHost: a.example\r\n\r\n"],
  ["HTTP/1,1", "GET /hostile HTTP/1,1\r\nHost: a.example\r\n\r\n"],
  ["LF alone everywhere", "GET /hostile HTTP/1.1\nHost: a.example\n\n"],
  ["LF alone at the end", "GET /hostile HTTP/1.1\r\nHost: a.example\r\n\n"],
  ["CR alone everywhere", "GET /hostile HTTP/1.1\rHost: a.example\r\r"],
  ["a method with a colon", "GE:T /hostile HTTP/1.1\r\nHost: a.example\r\n\r\n"],
  ["a method with NUL", "GE\0T /hostile HTTP/1.1\r\nHost: a.example\r\n\r\n"],
  ["TRACE with a body", "TRACE / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\n\r\nx"],
].map(([name, bytes]) => refused(name!, bytes!));

const versions: readonly HostileRequest[] = ["1.2", "1.9", "2.0", "3.0", "0.1"].map((version) =>
  refused(`HTTP/${version}`, `GET / HTTP/${version}\r\nHost: a.example\r\n\r\n`, 505),
);

const fields: readonly HostileRequest[] = [
  ["a field without colon", "Broken"],
  ["an empty name", ": x"],
  ["a name with a space", "X Y: z"],
  ["a space before the colon", "X : y"],
  ["obs-fold", "X: a\r\n b"],
  ["obs-fold with a tab", "X: a\r\n\tb"],
  ["an empty folded line", "X: a\r\n "],
  ["NUL in a value", "X: a\0b"],
  ["a bell in a value", "X: a\x07b"],
  ["escape in a value", "X: \x1b[31m"],
  ["DEL in a value", "X: \x7f"],
  ["CR in a value", "X: a\rb"],
  ["CR CR LF", "X: a\r\r"],
  ["NUL in a name", "X\0: a"],
  ["a name in quotes", '"X": a'],
  ["a name over 127", "\xc3\xa4: a"],
  ["Connection names Host", "Connection: host"],
  ["Connection names X-Forwarded-For", "Connection: close, X-Forwarded-For"],
  ["Connection names Cookie", "Connection: cookie"],
  ["Connection names Authorization", "Connection: authorization"],
  ["Connection is no list", "Connection: close; x"],
  ["Connection by alias", "Connection: content_length"],
  ["an unknown expectation", "Expect: miracles"],
  ["two expectations", "Expect: 100-continue, x"],
  ["Upgrade is no list", "Connection: upgrade\r\nUpgrade: a b"],
].map(([name, line]) => refused(name!, `${HOST}${line}\r\n\r\n`));

const sizes: readonly HostileRequest[] = [
  refused("a target over its limit", `GET /${"a".repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414),
  refused("a query over its limit", `GET /?${"a".repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414),
  refused("a target without end", `GET /${"a".repeat(20_000)}`, 414),
  refused("a method without end", "A".repeat(300), 501),
  refused("a field over the limit", `${HOST}X: ${"a".repeat(17_000)}\r\n\r\n`, 431),
  refused("a name without end", `${HOST}${"X".repeat(17_000)}`, 431),
  refused("101 fields", `${HOST}${"X: y\r\n".repeat(101)}\r\n`, 431),
  refused("fields without end", `${HOST}${"X: y\r\n".repeat(4000)}`, 431),
  refused("white space without end", `${HOST}X: ${" ".repeat(17_000)}`, 431),
];

/** Other protocols on our port. */
const strangers: readonly HostileRequest[] = [
  refused("CONNECT", "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", 501),
  refused(
    "HTTP/2 with prior knowledge",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    505,
  ),
  refused("a TLS hello", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03abcdefghijklmnopqrst\r\n\r\n"),
  refused("PROXY v1", `PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n${SMUGGLED}`),
  refused("PROXY v2", "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\0\x01\0\x02"),
  refused("SSH", "SSH-2.0-OpenSSH_9.2\r\n"),
  refused("SMTP", "EHLO a.example\r\nMAIL FROM:<a@b>\r\n"),
  refused("memcached", "\x80\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
  refused("an answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
  refused(
    "binary noise",
    Array.from({ length: 99 }, (_, i) => String.fromCharCode(i * 37)).join(""),
  ),
];

/** Chunked bodies: the head was right and may be with the server by then. */
const chunks: readonly HostileRequest[] = [
  ["a negative size", "-5\r\nhello\r\n0\r\n\r\n"],
  ["a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"],
  ["a size in 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["no size", "\r\nhello\r\n0\r\n\r\n"],
  ["no hex digit", "g\r\nhello\r\n0\r\n\r\n"],
  ["a space before the size", " 5\r\nhello\r\n0\r\n\r\n"],
  ["a space after the size", "5 \r\nhello\r\n0\r\n\r\n"],
  ["a tab after the size", "5\t\r\nhello\r\n0\r\n\r\n"],
  ["a bare semicolon", "5;\r\nhello\r\n0\r\n\r\n"],
  ["an extension without name", "5;=x\r\nhello\r\n0\r\n\r\n"],
  ["an extension without value", "5;a=\r\nhello\r\n0\r\n\r\n"],
  ["an extension that is no token", "5;a b\r\nhello\r\n0\r\n\r\n"],
  ["a space before an extension", "5 ;a=b\r\nhello\r\n0\r\n\r\n"],
  ["LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"],
  ["CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"],
  ["NUL in an extension", "5;a=\0\r\nhello\r\n0\r\n\r\n"],
  ["an open quote in an extension", '5;a="b\r\nhello\r\n0\r\n\r\n'],
  ["LF after the size", "5\nhello\r\n0\r\n\r\n"],
  ["CR after the size", "5\rhello\r\n0\r\n\r\n"],
  ["LF after the data", "5\r\nhello\n0\r\n\r\n"],
  ["CR CR after the data", "5\r\nhello\r\r\n0\r\n\r\n"],
  ["nothing after the data", "5\r\nhello0\r\n\r\n"],
  ["more data than said", "5\r\nhello, world\r\n0\r\n\r\n"],
  ["17 digits", "00000000000000005\r\nhello\r\n0\r\n\r\n"],
  ["2⁶⁴ + 5", "10000000000000005\r\nhello\r\n0\r\n\r\n"],
  ["2⁵³", "20000000000000\r\nhello\r\n0\r\n\r\n"],
  ["all f", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"],
  ["extensions without end", `5;${"a".repeat(5000)}\r\nhello\r\n0\r\n\r\n`],
  ["a trailer without colon", "0\r\nBroken\r\n\r\n"],
  ["a folded trailer", "0\r\nX: a\r\n b\r\n\r\n"],
  ["a space before a trailer's colon", "0\r\nX : a\r\n\r\n"],
  ["NUL in a trailer", "0\r\nX: \0\r\n\r\n"],
  ["LF after a trailer", "0\r\nX: a\n\r\n"],
  ["LF after the last chunk", "0\n\r\n"],
  ["LF at the end", "0\r\n\n"],
  ["trailers without end", `0\r\n${"X: y\r\n".repeat(900)}`],
].map(([name, body]) => ({ ...refused(`chunks: ${name}`, `${CHUNKED}${body}`), cut: true }));

/** Something right first, then something wrong on the same connection. */
const behind: readonly HostileRequest[] = [
  ["a broken request behind a right one", `GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET\r\n\r\n`],
  [
    "more body than said",
    `POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabc\r\n\r\n`,
  ],
  ["bytes behind the last chunk", `${CHUNKED.replace("/hostile", "/first")}0\r\n\r\n\0\0\0\0`],
  ["a body that was not announced", `GET /first HTTP/1.1\r\nHost: a\r\n\r\n{"a": "b"}\r\n\r\n`],
].map(([name, bytes]) => ({
  ...refused(name!, bytes!),
  reaches: [`${bytes!.slice(0, bytes!.indexOf(" "))} /first`],
}));

export const HOSTILE_REQUESTS: readonly HostileRequest[] = [
  ...smuggling,
  ...codings,
  ...unknownCodings,
  ...hidden,
  ...lengths,
  ...hosts,
  ...targets,
  ...lines,
  ...versions,
  ...fields,
  ...sizes,
  ...strangers,
  ...chunks,
  ...behind,
];
