import { json, type Route, refuse } from "../route.ts";

export const reload: Route = {
  method: "POST",
  path: "/api/v1/reload",
  summary: "read the configuration again",
  async run(_call, { api }) {
    const result = await api.reload();
    return result.ok ? json(result) : refuse("CONFIG_INVALID", result.message, result);
  },
};
