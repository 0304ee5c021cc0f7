import { command } from "../command.ts";
import { adminChange, changeOptions, changeServer } from "../server-change.ts";
import { serverArgument } from "../server-name.ts";

export const serverMaint = command({
  name: "server maint",
  group: "objects",
  summary: "takes a server out: no requests, no checks",
  arguments: [serverArgument],
  options: changeOptions,
  run: (context, options, [name]) =>
    changeServer(
      context,
      options,
      name!,
      adminChange(
        "maint",
        ({ active }) => `no checks any more; ${active} requests under way go on`,
      ),
    ),
});
