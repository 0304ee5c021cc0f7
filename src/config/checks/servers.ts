import { formatAddress } from "#base/address.ts";
import type { Backend } from "../model/backend.ts";
import type { Path, Review } from "../review.ts";

/** Servers of a backend fit together, and fit what the backend asks of them. */
export function checkServers(review: Review): void {
  for (const [name, backend] of review.model.backends) {
    const path: Path = ["backends", name];
    checkCookies(review, backend, path);
    checkPorts(review, backend, path);
    checkWeights(review, backend, path);
    const seen = new Map<string, string>();
    for (const [server, { address }] of backend.servers) {
      const at = formatAddress(address);
      const first = seen.get(at);
      if (first !== undefined) {
        review.warning([...path, "servers", server], `server "${first}" has the same address`);
      } else seen.set(at, server);
    }
  }
}

function checkCookies(review: Review, { cookie, servers }: Backend, path: Path): void {
  const seen = new Map<string, string>();
  for (const [name, server] of servers) {
    if (!cookie) {
      const at = [...path, "servers", name, "cookie"];
      if (server.cookie !== undefined) review.warning(at, "the backend has no cookie");
      continue;
    }
    const value = server.cookie ?? name;
    const first = seen.get(value);
    if (first !== undefined) {
      const message = `server "${first}" has the same cookie value "${value}"`;
      review.error([...path, "servers", name, "cookie"], message, {
        expected: "a value of its own for each server",
      });
    } else seen.set(value, name);
  }
  if (cookie && cookie.sameSite === "none" && !cookie.secure) {
    review.warning(
      [...path, "cookie", "sameSite"],
      "browsers drop a cookie with SameSite=None that is not Secure",
      { expected: "secure: true beside it" },
    );
  }
}

function checkPorts(review: Review, { check, agent, servers }: Backend, path: Path): void {
  for (const [name, server] of servers) {
    const at = [...path, "servers", name];
    if (check?.name === "icmp" && (server.check?.address ?? server.address).kind === "unix") {
      review.error(at, "a Unix socket has no host that could be pinged");
    }
    const isUnix = server.address.kind === "unix" && server.check?.address === undefined;
    if (isUnix && server.check?.port !== undefined) {
      review.error([...at, "check", "port"], "a Unix socket has no port to check");
    } else if (isUnix && check?.beside.port !== undefined) {
      review.error([...path, "check", "port"], `server "${name}" is a Unix socket: it has no port`);
    }
    if (server.check?.address !== undefined && !check) {
      review.warning([...at, "check"], "the backend has no check");
    }
    if (!agent) {
      if (server.agent !== undefined) review.warning([...at, "agent"], "the backend has no agent");
    } else if (server.address.kind === "unix") {
      review.error([...at, "address"], "an agent is asked by TCP, and this server has no port");
    } else if (agent.port === undefined && server.agent === undefined) {
      review.error(at, "no port for its agent", {
        expected: "`agent: PORT` here, or `agent: { port: PORT }` in the backend",
      });
    }
  }
}

function checkWeights(review: Review, { servers }: Backend, path: Path): void {
  if (servers.size === 0) {
    review.warning([...path, "servers"], "it has no servers: every request gets 503");
    return;
  }
  const all = [...servers.values()];
  if (all.every((server) => server.weight === 0)) {
    review.warning([...path, "servers"], "every weight is 0: no server takes new clients");
  } else if (all.every((server) => server.state !== "ready")) {
    review.warning([...path, "servers"], "no server is ready: none takes new clients");
  }
}
