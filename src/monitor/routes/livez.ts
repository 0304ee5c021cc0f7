import { plain, type Route } from "../route.ts";

export const livez: Route = {
  method: "GET",
  path: "/livez",
  summary: "200 while the engine answers at all",
  run: () => plain("ok\n"),
};
