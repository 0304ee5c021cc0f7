import { WeirError } from "#base/errors.ts";
import { WEIGHT_MAX } from "#plan/board.ts";
import { command } from "../command.ts";
import { changeOptions, changeServer } from "../server-change.ts";
import { serverArgument } from "../server-name.ts";

export const serverWeight = command({
  name: "server weight",
  group: "objects",
  summary: "changes a server's share of its backend's requests until further notice",
  arguments: [
    serverArgument,
    { name: "WEIGHT", help: `0 to ${WEIGHT_MAX}; 0 = no new requests`, required: true },
  ],
  options: changeOptions,
  examples: ["weir server weight app/web-1 50"],
  run(context, options, [name, text]) {
    const weight = Number(text);
    if (!/^\d{1,3}$/.test(text!) || weight > WEIGHT_MAX) {
      throw new WeirError("USAGE", `a weight is a whole number from 0 to ${WEIGHT_MAX}`);
    }
    return changeServer(context, options, name!, (server) => ({
      body: { weight },
      before: `weight ${server.weight}`,
      after: `weight ${weight}`,
      effect: "until further notice, a restart included",
      undo: (full) => `weight ${full} ${server.weight}`,
    }));
  },
});
