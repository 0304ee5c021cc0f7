import { duration, oneOf } from "#schema/index.ts";
import { readBody } from "../read-body.ts";
import { json, type Route } from "../route.ts";

const FIELDS = {
  mode: oneOf(["graceful", "quick", "now"], {
    help: "drain within engine.drain after engine.shutdownDelay, within 5 s, or not at all",
  }),
  drain: duration({ help: "instead of engine.drain", max: 86_400_000 }),
} as const;

export const stop: Route = {
  method: "POST",
  path: "/api/v1/stop",
  summary: "end the balancer",
  run({ body }, { api }) {
    const { mode = "graceful", drain } = readBody(FIELDS, body);
    api.stop(mode, drain);
    return json({ ok: true, message: `stopping (${mode})` }, 202);
  },
};
