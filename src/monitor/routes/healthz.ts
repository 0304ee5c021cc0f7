import { isReady, readiness } from "../readiness.ts";
import { plain, type Route } from "../route.ts";

export const healthz: Route = {
  method: "GET",
  path: "/healthz",
  summary: "as readyz; ?verbose names every condition",
  run({ query }, { api }) {
    const checks = readiness(api);
    const ok = isReady(checks);
    const list = checks.map(({ ok, name, text }) => `[${ok ? "+" : "-"}] ${name}: ${text}\n`);
    const verdict = ok ? "ok\n" : "not ready\n";
    return plain(query.has("verbose") ? list.join("") + verdict : verdict, ok ? 200 : 503);
  },
};
