import { int, oneOf } from "#schema/index.ts";
import { readBody } from "../read-body.ts";
import { json, type Route, refuse } from "../route.ts";

const FIELDS = {
  state: oneOf(["open", "paused"], { help: "whether it accepts connections" }),
  maxConnections: int({ help: "connections at a time", min: 1 }),
} as const;

export const frontend: Route = {
  method: "POST",
  path: "/api/v1/frontends/{frontend}",
  summary: "change a frontend until further notice",
  run({ params, body }, { api }) {
    const outcome = api.setFrontend(params["frontend"]!, readBody(FIELDS, body));
    return outcome.ok ? json(outcome) : refuse(outcome.code, outcome.message);
  },
};
