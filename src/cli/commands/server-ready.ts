import { command } from "../command.ts";
import { adminChange, changeOptions, changeServer } from "../server-change.ts";
import { serverArgument } from "../server-name.ts";

export const serverReady = command({
  name: "server ready",
  group: "objects",
  summary: "lets a server take requests again, as soon as its checks allow",
  arguments: [serverArgument],
  options: changeOptions,
  run: (context, options, [name]) =>
    changeServer(
      context,
      options,
      name!,
      adminChange("ready", ({ health }) =>
        health === "down" ? "it is down, and waits for its checks" : "it takes requests",
      ),
    ),
});
