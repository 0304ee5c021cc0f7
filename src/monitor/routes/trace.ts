import type { ServerResponse } from "node:http";
import type { StartTrace } from "#control/api.ts";
import type { TraceLine } from "../document.ts";
import { toJson } from "../json.ts";
import { TRACED_PACKETS, TRACED_SECONDS } from "../limits.ts";
import { type Route, refuse, type Streamed } from "../route.ts";

/** Who does not read what it asked for is cut off. */
const MAX_UNREAD_BYTES = 4 << 20;

/** A number of the query from 1 to `max`; a sentence for anything else. */
function numberOf(
  query: URLSearchParams,
  name: string,
  { fallback, max }: typeof TRACED_PACKETS | typeof TRACED_SECONDS,
) {
  const value = Number(query.get(name) ?? fallback);
  const isGood = Number.isInteger(value) && value >= 1 && value <= max;
  return isGood ? value : `${name} is a number from 1 to ${max}`;
}

export const trace: Route = {
  method: "GET",
  path: "/api/v1/director/trace",
  summary: `what layer 4 does with packets, live, a JSON object a line; ?client= an address, ?service= a name or an address with a port, ?count= ${TRACED_PACKETS.fallback}, ?seconds= ${TRACED_SECONDS.fallback}`,
  // It is about people, and packets cost more meanwhile.
  adminOnly: true,
  run({ query }, { api }) {
    const count = numberOf(query, "count", TRACED_PACKETS);
    const seconds = numberOf(query, "seconds", TRACED_SECONDS);
    if (typeof count === "string") return refuse("USAGE", count);
    if (typeof seconds === "string") return refuse("USAGE", seconds);
    const client = query.get("client") ?? undefined;
    const service = query.get("service") ?? undefined;
    const start = api.trace({ client, service, count, seconds });
    return typeof start === "function" ? follow(start) : refuse(start.code, start.message);
  },
};

const follow =
  (start: StartTrace): Streamed =>
  (response) => {
    response.writeHead(200, { "content-type": "application/x-ndjson; charset=utf-8" });
    response.flushHeaders();
    const cancel = start({
      packets(packets) {
        send(
          response,
          packets.map((packet): TraceLine => ({ packet })),
        );
      },
      end(end) {
        send(response, [{ end }]);
        response.end();
      },
    });
    response.once("close", cancel);
  };

function send(response: ServerResponse, lines: readonly TraceLine[]): void {
  if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
  else response.write(lines.map((line) => `${toJson(line)}\n`).join(""));
}
