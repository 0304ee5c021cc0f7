import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import fc from "fast-check";
import { latin1, textOf } from "#base/bytes.ts";
import { CODE, CODE_NAMES, FACTS } from "#base/errors.ts";
import { formatIp, parseIp } from "#base/ip.ts";
import { LOG_FORMATS } from "./log-format.ts";
import { createLogRecord, LOG_LINE_MIN, type LogFormatter, type LogRecord } from "./log-record.ts";
import { ASKED, GIVEN } from "./tables.ts";

/** HAProxy's httplog as its manual gives it, quotes never inside the request. */
const HTTPLOG =
  /^(\S+):(\d+) \[(\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d\.\d{3})\] (\S+) (\S+)\/(\S+) (-?\d+)\/(-?\d+)\/(-?\d+)\/(-?\d+)\/(-?\d+) (-?\d+) (\d+) - - ([-A-Za-z]{4}) (\d+)\/(\d+)\/(\d+)\/(\d+)\/(\+?\d+) (\d+)\/(\d+) "([^"]*)"\n$/;
/** GoAccess's `%h %^[%d:%t %^] "%r" %s %b "%R" "%u"`. */
const COMBINED =
  /^(\S+) - - \[(\d\d\/[A-Z][a-z]{2}\/\d{4}):(\d\d:\d\d:\d\d) \+0000\] "([^"]*)" (\d+) (\d+) "([^"]*)" "([^"]*)"\n$/;

const REQUEST = "GET /a?b=c HTTP/1.1";
const HOST = "www.example.org";
const REFERER = "https://example.org/from";
const AGENT = "curl/8.5.0";

/** A record of one served request, with the texts given as one character a byte. */
function record(texts: { request?: string; host?: string; referer?: string; agent?: string } = {}) {
  const { request = REQUEST, host = HOST, referer = REFERER, agent = AGENT } = texts;
  const r = createLogRecord();
  r.wallMs = Date.UTC(2026, 10, 23, 16, 19, 0) + 123;
  r.peer = parseIp("192.0.2.7")!;
  r.peerPort = 43210;
  r.frontend = latin1("www");
  r.backend = latin1("app");
  r.server = latin1("app1");
  r.requestMs = 0;
  r.queueMs = 1;
  r.connectMs = -1;
  r.responseMs = 12;
  r.totalMs = 15;
  r.status = 200;
  r.bytesIn = 311;
  r.bytesOut = 5_000_000_123;
  r.bodyBytes = 5_000_000_000;
  r.code = CODE.NONE;
  r.processConnections = 4;
  r.frontendConnections = 3;
  r.backendActive = 2;
  r.serverActive = 1;
  r.text = latin1(request + host + referer + agent);
  r.requestTo = request.length;
  r.hostFrom = r.requestTo;
  r.hostTo = r.hostFrom + host.length;
  r.refererFrom = r.hostTo;
  r.refererTo = r.refererFrom + referer.length;
  r.agentFrom = r.refererTo;
  r.agentTo = r.agentFrom + agent.length;
  return r;
}

function line(format: LogFormatter, r: LogRecord, room = 16_384, at = 3): string {
  const out = new Uint8Array(at + room + 8).fill(0xee);
  const end = format(r, out, at, at + room);
  assert.ok(end > at && end <= at + room, `wrote ${end - at} of ${room} bytes`);
  for (let i = 0; i < at; i++) assert.equal(out[i], 0xee);
  for (let i = end; i < out.length; i++) assert.equal(out[i], 0xee, "wrote past its end");
  return textOf(out, at, end);
}

const unHaproxy = (s: string) =>
  s.replace(/#([0-9A-F]{2})/g, (_, h) => String.fromCharCode(Number.parseInt(h, 16)));
const unNginx = (s: string) =>
  s.replace(/\\x([0-9A-F]{2})/g, (_, h) => String.fromCharCode(Number.parseInt(h, 16)));

const anyText = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((b) => textOf(b, 0, b.length));
const anyTexts = fc.record({ request: anyText, host: anyText, referer: anyText, agent: anyText });

describe("httplog", () => {
  it("is HAProxy's line", () => {
    assert.equal(
      line(LOG_FORMATS.httplog, record()),
      "192.0.2.7:43210 [23/Nov/2026:16:19:00.123] www app/app1 0/1/-1/12/15 200 5000000123 - - ---- " +
        '4/3/2/1/0 0/0 "GET /a?b=c HTTP/1.1"\n',
    );
  });

  it("names what is missing as HAProxy does", () => {
    const r = record({ request: "" });
    r.backend = r.server = new Uint8Array(0);
    r.status = -1;
    r.retries = 2;
    r.redispatched = 1;
    r.code = CODE.REQUEST_TIMEOUT;
    const [, , , , frontend, backend, server] = HTTPLOG.exec(line(LOG_FORMATS.httplog, r)) ?? [];
    assert.deepEqual([frontend, backend, server], ["www", "www", "<NOSRV>"]);
    assert.match(
      line(LOG_FORMATS.httplog, r),
      / -1 5000000123 - - cR-- .*\/\+2 0\/0 "<BADREQ>"\n$/,
    );
  });

  it("has the termination flags of every code", () => {
    const r = record();
    for (const name of CODE_NAMES) {
      r.code = CODE[name];
      assert.equal(HTTPLOG.exec(line(LOG_FORMATS.httplog, r))![14], `${FACTS[r.code]!.flags}--`);
    }
  });

  it("ends them with what became of the cookie", () => {
    const r = record();
    r.asked = ASKED.VALID;
    r.given = GIVEN.REWRITTEN;
    assert.equal(HTTPLOG.exec(line(LOG_FORMATS.httplog, r))![14], "--VR");
    assert.equal(JSON.parse(line(LOG_FORMATS.json, r)).termination, "--VR");
  });

  it("is read by halog, HAProxy's own analyser, where that is installed", (t) => {
    const prefixed = `Nov 23 16:19:00 localhost weir[1]: ${line(LOG_FORMATS.httplog, record())}`;
    const halog = spawnSync("halog", ["-srv"], { input: prefixed, encoding: "utf8" });
    if (halog.error) return t.skip("halog is not installed");
    assert.match(halog.stdout, /^app\/app1 0 1 0 0 0 0 1 /m);
    assert.match(halog.stderr, /0 parsing errors/);
  });

  it("reads back to what was asked, whatever bytes that had", () => {
    fc.assert(
      fc.property(anyText, (request) => {
        const m = HTTPLOG.exec(line(LOG_FORMATS.httplog, record({ request })));
        assert.equal(unHaproxy(m![22]!), request);
      }),
    );
  });
});

describe("combined", () => {
  it("is Apache's line", () => {
    assert.equal(
      line(LOG_FORMATS.combined, record()),
      '192.0.2.7 - - [23/Nov/2026:16:19:00 +0000] "GET /a?b=c HTTP/1.1" 200 5000000000 ' +
        '"https://example.org/from" "curl/8.5.0"\n',
    );
    assert.match(
      line(LOG_FORMATS.combined, record({ request: "", referer: "", agent: "" })),
      /\] "-" 200 5000000000 "-" "-"\n$/,
    );
  });

  it("reads back to what was asked, whatever bytes that had", () => {
    fc.assert(
      fc.property(anyTexts, (texts) => {
        const m = COMBINED.exec(line(LOG_FORMATS.combined, record(texts)))!;
        assert.deepEqual([m[4]!, m[7]!, m[8]!].map(unNginx), [
          texts.request,
          texts.referer,
          texts.agent,
        ]);
      }),
    );
  });
});

describe("json", () => {
  it("is flat, in milliseconds, with null for what was not reached", () => {
    assert.deepEqual(JSON.parse(line(LOG_FORMATS.json, record())), {
      time: "2026-11-23T16:19:00.123Z",
      client_ip: "192.0.2.7",
      client_port: 43210,
      frontend: "www",
      backend: "app",
      server: "app1",
      method: "GET",
      uri: "/a?b=c",
      protocol: "HTTP/1.1",
      status: 200,
      bytes_in: 311,
      bytes_out: 5_000_000_123,
      request_ms: 0,
      queue_ms: 1,
      connect_ms: null,
      response_ms: 12,
      total_ms: 15,
      retries: 0,
      code: "NONE",
      termination: "----",
      host: HOST,
      referer: REFERER,
      user_agent: AGENT,
    });
  });

  it("keeps well-formed UTF-8 and stays valid for every byte", () => {
    const agent = Buffer.from("Ünï 水 🌊").toString("latin1");
    const text = Buffer.from(line(LOG_FORMATS.json, record({ agent })), "latin1").toString();
    assert.equal(JSON.parse(text).user_agent, "Ünï 水 🌊");
  });

  it("is one line of valid UTF-8 without control characters, whatever bytes came", () => {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    fc.assert(
      fc.property(anyTexts, (texts) => {
        const text = decoder.decode(latin1(line(LOG_FORMATS.json, record(texts))));
        assert.match(text, /^[^\u0000-\u001f\u007f-\u009f]*\n$/);
        JSON.parse(text);
      }),
    );
  });
});

describe("every format", () => {
  for (const [name, format] of Object.entries(LOG_FORMATS)) {
    const grammar = { httplog: HTTPLOG, combined: COMBINED, json: /^\{.*\}\n$/ }[name]!;

    it(`${name}: cuts texts to its room and keeps its grammar`, () => {
      const long = fc.uint8Array({ minLength: 0, maxLength: 5000 });
      fc.assert(
        fc.property(
          fc.record({ request: long, host: long, referer: long, agent: long }),
          fc.integer({ min: LOG_LINE_MIN, max: 6000 }),
          (bytes, room) => {
            const texts = Object.fromEntries(
              Object.entries(bytes).map(([k, b]) => [k, textOf(b, 0, b.length)]),
            );
            const r = record(texts);
            r.frontend = r.backend = r.server = latin1("n".repeat(64));
            r.peer = parseIp("2001:db8:1111:2222:3333:4444:5555:6666")!;
            r.bytesIn = r.bytesOut = r.bodyBytes = Number.MAX_SAFE_INTEGER;
            r.requestMs = r.queueMs = r.connectMs = r.responseMs = r.totalMs = 2 ** 31 - 1;
            r.processConnections = r.frontendConnections = r.backendActive = 2 ** 31 - 1;
            const text = line(format, r, room);
            assert.match(text, grammar);
            if (name === "json") JSON.parse(text);
          },
        ),
        { numRuns: 60 },
      );
    });

    it(`${name}: writes every address and date as the rest of the house does`, () => {
      const address = fc.oneof(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.array(fc.constantFrom(0, 1, 255), { minLength: 16, maxLength: 16 }),
        fc.ipV4().map((ip) => parseIp(ip)!),
      );
      fc.assert(
        fc.property(address, fc.date({ min: new Date(0), noInvalidDate: true }), (ip, date) => {
          const year = date.getUTCFullYear();
          fc.pre(year <= 9999);
          const r = record();
          r.peer = Uint8Array.from(ip);
          r.wallMs = date.getTime();
          const text = line(format, r);
          assert.ok(text.includes(formatIp(r.peer)), text);
          const [day, month] = date.toUTCString().slice(5).split(" ");
          const clf = `${day}/${month}/${year}:${date.toISOString().slice(11, 19)}`;
          assert.ok(text.includes(name === "json" ? date.toISOString() : clf), text);
        }),
      );
    });
  }

  it("says unix for a client without an address", () => {
    const r = record();
    r.peerPort = -1;
    assert.match(line(LOG_FORMATS.httplog, r), /^unix:0 \[/);
    assert.match(line(LOG_FORMATS.combined, r), /^unix: - - \[/);
    assert.equal(JSON.parse(line(LOG_FORMATS.json, r)).client_port, null);
  });
});
