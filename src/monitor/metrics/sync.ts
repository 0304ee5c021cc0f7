import type { DirectorView } from "#control/api.ts";
import type { Exposition } from "./exposition.ts";

/** What directors tell each other; nothing where they do not. */
export function writeSync({ sync }: DirectorView, out: Exposition): void {
  const { counts, peers = [], problem, waiting } = sync ?? {};
  const labels = sync && { interface: sync.interface, role: sync.role };
  const one = (
    type: "gauge" | "counter",
    name: string,
    help: string,
    value: number | undefined,
  ): void => {
    out.family({ name: `weir_director_sync_${name}`, type, help });
    if (value !== undefined) out.sample({}, value);
  };
  out.family({
    name: "weir_director_sync_up",
    type: "gauge",
    help: "1 while connections are told to other directors, or taken in from them.",
  });
  if (labels) out.sample(labels, problem === undefined ? 1 : 0);
  out.family({
    name: "weir_director_sync_peer_up",
    type: "gauge",
    help: "1 while messages come from that machine; an IPVS that has nothing to tell is silent too.",
  });
  for (const { address, kind, isLost } of peers)
    out.sample({ peer: address, kind }, isLost ? 0 : 1);
  one("gauge", "waiting", "Connections that wait to be sent.", waiting);
  one("counter", "sent_messages", "Messages sent.", counts?.sentMessages);
  one("counter", "sent_connections", "Connections told.", counts?.sentConnections);
  one("counter", "sent_templates", "Clients of persistent services told.", counts?.sentTemplates);
  one("counter", "unsent_messages", "Messages that the kernel did not take.", counts?.unsent);
  one(
    "counter",
    "untold_connections",
    "Connections that messages have no words for.",
    counts?.untold,
  );
  one("counter", "received_messages", "Messages that came.", counts?.receivedMessages);
  one("counter", "received_connections", "Connections taken in.", counts?.receivedConnections);
  one(
    "counter",
    "received_templates",
    "Clients of persistent services taken in.",
    counts?.receivedTemplates,
  );
  out.family({
    name: "weir_director_sync_refused",
    type: "counter",
    help: "What came and was not taken in, by reason.",
  });
  for (const [reason, count] of Object.entries(counts?.refused ?? {}))
    out.sample({ reason }, count);
}
