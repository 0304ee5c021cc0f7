import { WEIGHT_MAX } from "#plan/board.ts";
import { bool, int, oneOf } from "#schema/index.ts";
import { readBody } from "../read-body.ts";
import { json, type Route, refuse } from "../route.ts";

const FIELDS = {
  admin: oneOf(["ready", "drain", "maint"], { help: "administrative state" }),
  weight: int({ help: "weight", max: WEIGHT_MAX }),
  maxConnections: int({ help: "requests in flight, 0 = no limit" }),
  health: oneOf(["up", "down"], { help: "health until the next check" }),
  kill: bool({ help: "end every session on it" }),
  force: bool({ help: "do it although it is the last server that may serve" }),
} as const;
/** What can be taken back. */
const NULLABLE = ["admin", "weight", "maxConnections", "health"] as const;

export const server: Route = {
  method: "POST",
  path: "/api/v1/servers/{backend}/{server}",
  summary: "change a server until further notice; null = as configured again",
  run({ params, body }, { api }) {
    const change = readBody(FIELDS, body, NULLABLE);
    const outcome = api.setServer(params["backend"]!, params["server"]!, change);
    return outcome.ok ? json(outcome) : refuse(outcome.code, outcome.message);
  },
};
