import { latin1 } from "#base/bytes.ts";
import { parseIp } from "#base/ip.ts";
import { LOG_FORMATS } from "#proxy/log-format.ts";
import { createLogRecord, LOG_LINE_MIN } from "#proxy/log-record.ts";
import { microBench } from "./kit/micro.ts";

const REQUEST = "GET /articles/2026/11/a-weir-is-a-low-dam?page=2 HTTP/1.1";
const HOST = "www.example.org";
const REFERER = "https://www.example.org/articles/";
const AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/** The JSON line is three times as long as the others. */
const MOST_NS = { httplog: 500, combined: 500, json: 1500 } as const;

function createRecord() {
  const record = createLogRecord();
  record.wallMs = 1_795_450_740_123;
  record.peer = parseIp("203.0.113.77")!;
  record.peerPort = 43_210;
  record.frontend = latin1("www");
  record.backend = latin1("app");
  record.server = latin1("app1");
  record.queueMs = record.connectMs = record.requestMs = 0;
  record.responseMs = record.totalMs = 12;
  record.status = 200;
  record.bytesOut = 12_345;
  record.bodyBytes = 12_000;
  record.text = latin1(REQUEST + HOST + REFERER + AGENT);
  record.requestTo = REQUEST.length;
  record.hostFrom = REQUEST.length;
  record.hostTo = record.refererFrom = record.hostFrom + HOST.length;
  record.refererTo = record.agentFrom = record.refererFrom + REFERER.length;
  record.agentTo = record.agentFrom + AGENT.length;
  return record;
}

export const bench = microBench("log-format", "One line of the access log", () => {
  const record = createRecord();
  const out = new Uint8Array(65_536);
  return Object.entries(LOG_FORMATS).map(([name, format]) => ({
    name,
    mostNs: MOST_NS[name as keyof typeof LOG_FORMATS],
    run(count: number) {
      let at = 0;
      for (let i = 0; i < count; i++) {
        // A request every 100 µs, so that the cached second changes as often as it does in life.
        record.wallMs += 0.1;
        if (at > out.length - LOG_LINE_MIN) at = 0;
        at = format(record, out, at, out.length);
      }
      return at;
    },
  }));
});
