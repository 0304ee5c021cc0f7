import { command } from "../command.ts";
import { adminChange, changeOptions, changeServer } from "../server-change.ts";
import { serverArgument } from "../server-name.ts";

export const serverDrain = command({
  name: "server drain",
  group: "objects",
  summary: "gives a server no new requests; those under way, and its sticky clients, go on",
  arguments: [serverArgument],
  options: changeOptions,
  examples: ["weir server drain app/web-1"],
  run: (context, options, [name]) =>
    changeServer(
      context,
      options,
      name!,
      adminChange("drain", ({ active }) => `${active} requests under way go on`),
    ),
});
