import { json, type Route, refuse } from "../route.ts";

export const sync: Route = {
  method: "POST",
  path: "/api/v1/director/sync",
  summary: "layer 4: tell other directors of all connections",
  run(_call, { api }) {
    const outcome = api.tellConnections();
    return outcome.ok ? json(outcome) : refuse(outcome.code, outcome.message);
  },
};
