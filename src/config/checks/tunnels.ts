import type { Service } from "../model/service.ts";
import type { Tunnel } from "../model/tunnel.ts";
import type { Path, Review } from "../review.ts";
import { methodsIn, waysOf } from "../service-ways.ts";

/** Tunnels are said where packets go by one, and ports where the tunnel has one. */
export function checkTunnels(review: Review): void {
  const { services, backends } = review.model;
  for (const [name, service] of services) {
    if (service.tunnel) checkServiceTunnel(review, name, service, service.tunnel);
  }
  for (const [name, { servers }] of backends) {
    const behind = [...services].filter(([, { backend }]) => backend === name);
    for (const [server, { method, tunnel }] of servers) {
      if (!tunnel) continue;
      const at: Path = ["backends", name, "servers", server, "tunnel"];
      const other = behind.find((one) => (method ?? one[1].method) !== "tun");
      if (method !== undefined && method !== "tun") sayNoTunnel(review, at, `method ${method}`);
      else if (other) sayNoTunnel(review, at, `method ${other[1].method} of service ${other[0]}`);
      else checkPort(review, at, tunnel);
    }
  }
}

function checkServiceTunnel(review: Review, name: string, service: Service, tunnel: Tunnel): void {
  const at: Path = ["services", name, "tunnel"];
  const ways = waysOf(review, name, service);
  if (ways.some(({ method }) => method === "tun")) checkPort(review, at, tunnel);
  else sayNoTunnel(review, at, `method ${methodsIn(ways)}`);
}

const sayNoTunnel = (review: Review, at: Path, what: string): void =>
  review.error(at, `${what} has no tunnel`, { expected: "method tun" });

function checkPort(review: Review, at: Path, { type, port }: Tunnel): void {
  if (port === undefined || type === "gue") return;
  review.error([...at, "port"], `${type} has no port`, { expected: "type gue" });
}
