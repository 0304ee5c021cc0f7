import { availableParallelism } from "node:os";
import { WeirError } from "#base/errors.ts";
import type { Plan } from "#plan/plan.ts";
import { text } from "#schema/index.ts";
import { type Context, command } from "../command.ts";
import { fileOption } from "../config-files.ts";
import { EXIT } from "../exit-codes.ts";
import type { Packet } from "../explain/packet.ts";
import { defaulted, flag, option, repeated } from "../option.ts";

const header = text({
  help: "a header field of the request",
  pattern: /^[^:\s]+:.*$/,
  expected: '"Name: value"',
});

export const explain = command({
  name: "explain",
  group: "config",
  summary: "says where a request or a packet would go, and why, without sending it",
  details: [
    "Goes by the configuration files alone: which frontend, which rules, which backend, and which",
    "server its scheduler would choose first if all were up. With tcp, udp or sctp and an address it is",
    "a packet of layer 4 that begins a connection.",
  ].join("\n"),
  arguments: [
    {
      name: "METHOD",
      help: "GET, POST …, which may be left out; or tcp, udp, sctp",
      required: true,
    },
    { name: "URL", help: "https://host/path?query, host/path, or a path alone; or 10.0.0.1:80" },
  ],
  options: {
    header: repeated(header, "'NAME: VALUE'", "H"),
    source: defaulted(
      text({ help: "the client's address", fallback: "192.0.2.1" }),
      "ADDRESS",
      "s",
    ),
    from: option(text({ help: "for a packet: the client's address, with its port" }), "ADDRESS"),
    frontend: option(text({ help: "when the URL does not tell which" }), "NAME"),
    file: fileOption,
    json: flag("as JSON"),
  },
  examples: [
    "weir explain https://www.example.com/shop/cart",
    "weir explain POST /api/orders -H 'Host: api.example.com' -s 10.1.2.3",
    "weir explain tcp 10.0.0.1:80 --from 192.0.2.7:1234",
  ],
  async run(context, options, args) {
    const { loadConfig } = await import("#config/load.ts");
    const { renderFaults } = await import("#config/faults.ts");
    const { mask } = await import("#config/mask.ts");
    const { explainRequest } = await import("#rules/explain.ts");
    const { pickServer } = await import("../explain/pick-server.ts");
    const { showExplanation } = await import("../explain/show.ts");
    const { isProtocol } = await import("../explain/packet.ts");
    const [method, url] = args.length > 1 ? [args[0]!, args[1]!] : ["GET", args[0]!];
    if (args.length === 1 && !/[/.:]/.test(url)) {
      throw new WeirError("USAGE", `${JSON.stringify(url)} is no URL; a path begins with "/"`);
    }
    const { plan, faults, secrets, textOf } = await loadConfig({
      files: options.file,
      cwd: context.cwd,
      env: context.env,
      cpus: availableParallelism(),
    });
    if (!plan) {
      context.warn(renderFaults(faults, { textOf, colours: context.warnStyle.enabled }));
      return EXIT.CONFIG_INVALID;
    }
    if (isProtocol(method)) {
      const from = options.from ?? options.source;
      await explainOne(context, plan, { protocol: method, to: url, from }, options.json);
      return EXIT.OK;
    }
    const explained = explainRequest(plan, {
      method,
      url,
      headers: options.header.map(splitHeader),
      source: options.source,
      frontend: options.frontend,
    });
    if (typeof explained === "string") throw new WeirError("USAGE", explained);
    const { explanation, view, backend } = explained;
    const pick = backend && pickServer(backend, view);
    const masked = (_key: string, value: unknown): unknown =>
      typeof value === "string" ? mask(value, secrets) : value;
    if (options.json) context.write(`${JSON.stringify({ ...explanation, pick }, masked, 2)}\n`);
    else {
      context.write(`${method} ${url}\n`);
      context.write(mask(showExplanation(explanation, pick, context.style), secrets));
    }
    return EXIT.OK;
  },
});

async function explainOne(
  context: Context,
  plan: Plan,
  packet: Packet,
  asJson: boolean,
): Promise<void> {
  const { explainPacket, showPacket } = await import("../explain/packet.ts");
  const explained = explainPacket(plan, packet);
  if (typeof explained === "string") throw new WeirError("USAGE", explained);
  if (asJson) context.write(`${JSON.stringify(explained, undefined, 2)}\n`);
  else {
    context.write(`${packet.protocol} ${packet.to} from ${packet.from}\n`);
    context.write(showPacket(explained, context.style));
  }
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}
