import type { Path, Review } from "../review.ts";
import { type Method, ofService, waysOf } from "../service-ways.ts";

/** What other directors can be told. */
export function checkSync(review: Review): void {
  const { director, services } = review.model;
  const { sync } = director;
  if (!sync) return;
  const path: Path = ["director", "sync"];
  const families = new Set(sync.peers.map((host) => host.includes(":")));
  if (families.size > 1) {
    review.error([...path, "peers"], "messages go over IPv4 or over IPv6", {
      expected: "addresses of one family",
    });
  }
  if (sync.peers.length > 0) {
    for (const keyword of ["group", "ttl"]) {
      if (!review.isWritten([...path, keyword])) continue;
      review.warning([...path, keyword], "without multicast it means nothing", {
        expected: `either \`peers\`, or \`${keyword}\``,
      });
    }
  }
  for (const [name, service] of services) {
    for (const way of waysOf(review, name, service)) {
      const why = whyNot(way.method);
      if (why === undefined) continue;
      review.warning(way.at, `other directors are not told of it${ofService(name, way)}: ${why}`);
    }
  }
}

/** Why another director could not go on with a service's connections. */
function whyNot(method: Method): string | undefined {
  if (method === "fullnat") return "its servers speak to an address that is this machine's alone";
  if (method === "local" || method === "bypass") return "its connections are this machine's own";
  return undefined;
}
