import type { SchedulerType } from "#balance/scheduler.ts";
import { schedulers } from "#balance/schedulers/index.ts";
import type { Backend } from "../model/backend.ts";
import { backendsNamed } from "../named-backends.ts";
import type { Review } from "../review.ts";

/** What a frontend or backend of mode tcp cannot do, and that the two sides agree. */
export function checkModes(review: Review): void {
  const { frontends, backends } = review.model;
  for (const [name, frontend] of frontends) {
    const path = ["frontends", name];
    for (const { backend, path: at } of backendsNamed(review, name, frontend)) {
      const other = backends.get(backend)?.mode;
      if (other === undefined || other === frontend.mode) continue;
      review.error(at, `backend "${backend}" has mode ${other}, this frontend ${frontend.mode}`, {
        expected: `a backend of mode ${frontend.mode}`,
      });
    }
    if (frontend.mode === "tcp") {
      // Until the proxy carries bytes: better refused than served as HTTP.
      review.error([...path, "mode"], "mode tcp is not there yet", { expected: "mode http" });
    }
    if (frontend.mode === "tcp" && frontend.rules.length > 0) {
      review.error([...path, "rules"], "rules look at requests, which mode tcp does not read", {
        expected: "mode http, or `default` alone",
      });
    }
  }
  for (const [name, backend] of backends) {
    if (backend.mode === "tcp") checkTcpBackend(review, name, backend);
  }
}

function checkTcpBackend(review: Review, name: string, backend: Backend): void {
  const path = ["backends", name];
  if (backend.cookie) {
    review.error([...path, "cookie"], "cookies need mode http", { expected: "mode http" });
  }
  const scheduler: SchedulerType | undefined = schedulers.find(
    (type) => type.name === backend.balance.name,
  );
  const key = scheduler?.key?.(backend.balance.options as never)?.kind;
  if (key !== undefined && key !== "source") {
    review.error([...path, "balance"], `it hashes the ${key} of a request, which needs mode http`, {
      expected: "mode http, or another scheduler",
    });
  }
}
