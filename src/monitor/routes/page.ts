import { plain, type Route } from "../route.ts";

/** `/` is the page, and its files lie beside it. */
export const page: Route = {
  method: "GET",
  path: "/{file}",
  summary: "the status page's files",
  run({ params }, { files }) {
    const file = files.get(params["file"]!);
    return file ? { status: 200, ...file } : plain("there is no such page\n", 404);
  },
};

export const front: Route = {
  method: "GET",
  path: "/",
  summary: "the status page",
  run: (call, monitor) => page.run({ ...call, params: { file: "index.html" } }, monitor),
};
