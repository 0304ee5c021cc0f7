import { isReady, readiness } from "../readiness.ts";
import { plain, type Route } from "../route.ts";

export const readyz: Route = {
  method: "GET",
  path: "/readyz",
  summary: "200 when new connections are welcome, 503 when not",
  run(_call, { api }) {
    const checks = readiness(api);
    const failing = checks.filter((check) => !check.ok).map((check) => `${check.text}\n`);
    return isReady(checks) ? plain("ok\n") : plain(failing.join(""), 503);
  },
};
