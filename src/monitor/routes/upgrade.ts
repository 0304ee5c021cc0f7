import { json, type Route, refuse } from "../route.ts";

export const upgrade: Route = {
  method: "POST",
  path: "/api/v1/upgrade",
  summary: "start a new engine on the same sockets and drain this one",
  async run(_call, { api }) {
    const outcome = await api.upgrade();
    return outcome.ok ? json(outcome) : refuse(outcome.code, outcome.message);
  },
};
