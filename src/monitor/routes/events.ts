import { json, type Route, refuse } from "../route.ts";

export const events: Route = {
  method: "GET",
  path: "/api/v1/events",
  summary: "what happened, oldest first; ?since= wall-clock milliseconds",
  run({ query }, { api }) {
    const since = Number(query.get("since") ?? 0);
    if (Number.isNaN(since)) return refuse("USAGE", "since is a number of milliseconds");
    return json(api.events().filter((event) => event.at > since));
  },
};
