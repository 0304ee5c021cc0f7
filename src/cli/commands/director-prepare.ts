import { WeirError } from "#base/errors.ts";
import { text } from "#schema/index.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { pinsOption } from "../flush.ts";
import { flag, option } from "../option.ts";

const user = option(
  text({
    help: "account that weir will run as",
    pattern: /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/,
    expected: "the name of an account",
  }),
  "NAME",
);

export const directorPrepare = command({
  name: "director prepare",
  group: "l4",
  summary: "gives an account the folder that its director keeps programs and tables in",
  details: [
    "For root, before a weir starts as another account with CAP_NET_ADMIN, CAP_PERFMON and CAP_BPF: only",
    "root can make folders in /sys/fs/bpf. They are gone when the machine starts again. What a director",
    "has in that folder changes its owner and goes on.",
  ].join("\n"),
  options: { user, pins: pinsOption, json: flag("as JSON") },
  examples: ["weir director prepare --user weir"],
  async run(context, options) {
    if (options.user === undefined) throw new WeirError("USAGE", "--user says whose it is to be");
    const { prepareDirector } = await import("#control/pinned-director.ts");
    prepareDirector(options.pins, options.user);
    const message = `/sys/fs/bpf/${options.pins} is for ${options.user}`;
    context.write(options.json ? `${JSON.stringify({ message })}\n` : `${message}\n`);
    return EXIT.OK;
  },
});
