import { latin1 } from "#base/bytes.ts";
import { CODE_NAMES, CODES } from "#base/errors.ts";
import { parseIp } from "#base/ip.ts";
import { Head } from "#http/head.ts";
import { parseRequest } from "#http/request-parser.ts";
import type { EnginePlan, FrontendPlan, Plan } from "#plan/plan.ts";
import { View } from "./view.ts";

/** A request to explain, as a user describes it. */
export interface ExplainInput {
  readonly method: string;
  /** `https://host:port/path?query`, `host/path`, or a path alone. The path is taken as written. */
  readonly url: string;
  /** In order. A Host here takes the place of the URL's. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The client's address. */
  readonly source: string;
  /** Name of the frontend, for when the URL does not tell. */
  readonly frontend?: string | undefined;
}

interface Url {
  readonly scheme: string;
  readonly authority: string;
  readonly host: string;
  readonly port: number;
  /** Path and query as they go into the request line. */
  readonly target: string;
}

/**
 * The parts of a URL without changing any: a parser of URLs would resolve what rules have to see.
 */
export function splitUrl(url: string): Url {
  const [, scheme = "", authority = "", path = ""] = /^(?:(https?):\/\/)?([^/?#]*)([^#]*)/i.exec(
    url,
  )!;
  const [, host = "", port] = /^(.*?)(?::(\d+))?$/.exec(authority)!;
  const usual = scheme.toLowerCase() === "https" ? 443 : 80;
  return {
    scheme: scheme.toLowerCase(),
    authority,
    host,
    port: port === undefined ? usual : Number(port),
    target: path.startsWith("/") ? path : `/${path}`,
  };
}

/**
 * The frontend that would receive the request and why it, or a sentence when that cannot be told.
 */
export function chooseFrontend(
  plan: Plan,
  url: Url,
  wanted: string | undefined,
): { readonly frontend: FrontendPlan; readonly why: string } | string {
  const frontends = plan.frontends.filter((frontend) => frontend.mode === "http");
  const names = frontends.map((frontend) => frontend.name).join(", ");
  if (wanted !== undefined) {
    const frontend = frontends.find(({ name }) => name === wanted);
    return frontend
      ? { frontend, why: "named" }
      : `no HTTP frontend "${wanted}"; there is ${names || "none"}`;
  }
  const [only] = frontends;
  if (only === undefined) return "no frontend in HTTP mode";
  if (url.authority !== "") {
    const onPort = frontends.filter((frontend) => listensOn(frontend, url.port));
    if (onPort.length === 1) return { frontend: onPort[0]!, why: `listens on port ${url.port}` };
    const onHost = onPort.filter((frontend) => listensOn(frontend, url.port, url.host));
    if (onHost.length === 1) return { frontend: onHost[0]!, why: `listens on ${url.authority}` };
  }
  if (frontends.length === 1) return { frontend: only, why: "the only one" };
  return `the URL does not say which frontend it goes to; name one of ${names}`;
}

const listensOn = (frontend: FrontendPlan, port: number, host?: string): boolean =>
  frontend.binds.some(
    ({ address }) =>
      address.kind === "inet" &&
      address.port === port &&
      (host === undefined || address.host === host.replace(/^\[|\]$/g, "")),
  );

/** The request as the proxy would read it, or a sentence that says what the proxy would answer. */
export function parseInput(engine: EnginePlan, input: ExplainInput, url: Url): View | string {
  const peer = parseIp(input.source);
  if (!peer) return `the source ${JSON.stringify(input.source)} is not an IP address`;
  const headers = [...input.headers];
  const named = headers.some(([name]) => name.toLowerCase() === "host");
  if (!named) headers.unshift(["Host", url.authority === "" ? "localhost" : url.authority]);
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const bytes = latin1(`${input.method} ${url.target} HTTP/1.1\r\n${lines}\r\n`);
  const head = new Head(engine.maxHeaders);
  const end = parseRequest(bytes, 0, bytes.length, head, {
    headBytes: engine.maxHeadBytes,
    headers: engine.maxHeaders,
    uriBytes: engine.maxUriBytes,
  });
  if (end !== bytes.length) {
    const fact = CODES[end < 0 ? CODE_NAMES[-end]! : "REQUEST_MALFORMED"];
    return `refused with ${fact.status} before any rule: ${fact.summary}`;
  }
  const view = new View(head, engine.maxUriBytes);
  view.fill(bytes, head, peer, 0);
  return view;
}
