import { formatSize } from "#schema/index.ts";
import type { Review } from "../review.ts";

/** Counts and sizes that bound one another. */
export function checkLimits(review: Review): void {
  const { engine, frontends, backends, services } = review.model;
  const servers = [...backends.values()].reduce((sum, backend) => sum + backend.servers.size, 0);
  const counts = {
    frontends: frontends.size,
    backends: backends.size,
    servers,
    services: services.size,
  };
  for (const [what, count] of Object.entries(counts)) {
    const limit = engine.limits[what as keyof typeof counts];
    if (count <= limit) continue;
    review.error(["engine", "limits", what], `there are ${count} ${what}, the limit is ${limit}`, {
      expected: `at least ${count}`,
    });
  }
  if (engine.maxUri > engine.maxHead) {
    review.error(["engine", "maxUri"], "a longer request target than a whole head may be", {
      expected: `at most engine.maxHead, which is ${formatSize(engine.maxHead)}`,
    });
  }
  for (const [name, { maxConnections }] of frontends) {
    if (maxConnections === undefined || maxConnections <= engine.maxConnections) continue;
    const message = `more than engine.maxConnections, which is ${engine.maxConnections}`;
    review.warning(["frontends", name, "maxConnections"], message);
  }
}
