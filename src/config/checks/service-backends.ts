import type { SchedulerType } from "#balance/scheduler.ts";
import { schedulerByName } from "#balance/schedulers/index.ts";
import type { Backend } from "../model/backend.ts";
import type { Server } from "../model/server.ts";
import { backendsNamed } from "../named-backends.ts";
import type { Path, Review } from "../review.ts";

/** Backends of services can serve packets, and ask for nothing that only requests have. */
export function checkServiceBackends(review: Review): void {
  const { frontends, backends, services } = review.model;
  const ofFrontends = new Set(
    [...frontends].flatMap(([name, frontend]) =>
      backendsNamed(review, name, frontend).map(({ backend }) => backend),
    ),
  );
  const ofServices = new Map<string, string>();
  for (const [name, { backend }] of services) {
    if (!ofServices.has(backend)) ofServices.set(backend, name);
  }
  for (const [name, backend] of backends) {
    const path: Path = ["backends", name];
    const service = ofServices.get(name);
    if (service !== undefined) {
      checkScheduler(review, backend, service, path);
      checkReach(review, backend, service, path);
      if (!ofFrontends.has(name)) checkIgnored(review, backend, service, path);
    }
    if (ofFrontends.has(name)) checkPorts(review, backend, path);
    for (const [key, server] of backend.servers) {
      const at = [...path, "servers", key];
      if (service === undefined) checkUnserved(review, server, at);
      else checkThreshold(review, server, at);
    }
  }
}

function checkScheduler(review: Review, backend: Backend, service: string, path: Path): void {
  const { name, options } = backend.balance;
  const type: SchedulerType | undefined = schedulerByName(name);
  const why = type?.packets ? type.packets(options) : "it looks at requests";
  if (typeof why !== "string") return;
  review.error(
    [...path, "balance"],
    `${name} is nothing for packets of service ${service}: ${why}`,
    {
      expected: "a scheduler that can do with packets, such as roundrobin",
    },
  );
}

/** Packets go to IP addresses only, and checks to ports. */
function checkReach(review: Review, backend: Backend, service: string, path: Path): void {
  const { check } = backend;
  const needsPort = check && (check.name === "tcp" || check.name === "http");
  for (const [name, { address, check: own }] of backend.servers) {
    const at = [...path, "servers", name, "address"];
    if (address.kind === "unix") {
      review.error(at, `service ${service} sends packets, which a Unix socket cannot take`, {
        expected: "an address such as 10.0.0.1:80 or name:80",
      });
    }
    if (!("port" in address) || address.port !== 0 || !needsPort) continue;
    if (own?.address !== undefined || (own?.port ?? check.beside.port) !== undefined) continue;
    review.error(at, "port 0 is as the client asked for: there is no port to check", {
      expected: `\`check: { type: ${check.name}, port: PORT }\` in the backend`,
    });
  }
}

/** What is written in a backend that no request comes to, although it is for requests. */
function checkIgnored(review: Review, backend: Backend, service: string, path: Path): void {
  const at = [...path, "cookie"];
  if (backend.cookie && review.isWritten(at)) {
    review.warning(at, `service ${service} sees packets, not cookies: this is not used`, {
      expected: "`persistence` in the service",
    });
  }
  if (backend.check && backend.check.beside.observe > 0 && review.isWritten([...path, "check"])) {
    const message = `service ${service} sees no failed requests: this is not used`;
    review.warning([...path, "check", "observe"], message);
  }
}

function checkPorts(review: Review, { servers }: Backend, path: Path): void {
  for (const [name, { address }] of servers) {
    if (!("port" in address) || address.port !== 0) continue;
    const at = [...path, "servers", name, "address"];
    review.error(at, "port 0 is for services alone, and a frontend uses this backend", {
      expected: "a port from 1 to 65535",
    });
  }
}

/** What is written of a server that no service's packets come to, although it is for those. */
function checkUnserved(review: Review, server: Server, path: Path): void {
  for (const keyword of ["minConnections", "method", "tunnel"] as const) {
    if (server[keyword] === undefined) continue;
    review.warning([...path, keyword], "only services look at it, and none uses this backend");
  }
}

function checkThreshold(review: Review, server: Server, path: Path): void {
  const { minConnections: min, maxConnections: max } = server;
  if (min === undefined) return;
  const at = [...path, "minConnections"];
  if (max === 0) review.warning(at, "not used: the server has no maxConnections");
  else if (min > max) {
    review.error(at, `above maxConnections, which is ${max}`, { expected: `at most ${max}` });
  }
}
