import { PROTOCOL_NAMES } from "#base/protocol.ts";
import {
  bool,
  duration,
  group,
  type InferFields,
  int,
  list,
  named,
  oneOf,
  optional,
  refine,
  text,
} from "#schema/index.ts";
import { LONGEST_MS, serviceAddress } from "./service-address.ts";
import { tunnelFields } from "./tunnel.ts";

const persistenceFields = {
  timeout: duration({
    help: "How long a client stays with its server after its last connection, a call after the last packet that was looked at",
    min: 1000,
    max: LONGEST_MS,
    fallback: 300_000,
  }),
  mask: optional(
    int({
      help: "Bits of an IPv4 address that make it one client: 24 keeps a whole /24 together; absent: 32, or 0 by call, which is one then whoever speaks",
      min: 0,
      max: 32,
    }),
  ),
  mask6: optional(
    int({
      help: "The same of an IPv6 address; absent: 128, or 0 by call",
      min: 0,
      max: 128,
    }),
  ),
  by: oneOf(["address", "call-id"], {
    help: "What stays with a server: a client by its `address`; a call of SIP over UDP by its `call-id`, as `ipvsadm --pe sip`",
    fallback: "address",
  }),
};

const protocol = oneOf(PROTOCOL_NAMES, { help: "A protocol" });

const connectionLimit = (help: string) =>
  optional(int({ help: `${help}; absent: no limit`, min: 1, max: 16_777_216 }));

const bind = list(serviceAddress({ help: "An address with its ports" }), {
  help: "What is taken: `10.0.0.1:80`, a range of ports `10.0.0.1:5000-5999`, all of them `10.0.0.1:*`, `[fd00::1]:80`; one or a list. Without `persistence` a client's connections to several ports may go to several servers",
  single: true,
  min: 1,
  max: 256,
});

export const serviceFields = {
  bind: optional(bind),
  mark: optional(
    int({
      help: "Instead of `bind`: packets that a filter of tc gave this mark on ingress; those of nftables and iptables come too late, but at an interface that this one stands on",
      min: 1,
      max: 4_294_967_295,
    }),
  ),
  family: optional(
    oneOf(["ipv4", "ipv6"], { help: "Of packets with the `mark`; absent: ipv4, as `ipvsadm -f`" }),
  ),
  protocol: optional(
    refine(
      list(protocol, {
        help: "One or a list; absent: tcp, or all of them with a `mark`",
        single: true,
        min: 1,
      }),
      (all) => (new Set(all).size < all.length ? "each protocol once" : undefined),
    ),
  ),
  method: oneOf(["nat", "dr", "tun", "fullnat", "local", "bypass"], {
    help: "How packets get to servers: `nat` writes the server's address in, answers come back this way; `dr` changes the MAC address only, `tun` wraps them up, and servers answer clients directly; `fullnat` is `nat` from an address of ours, for servers anywhere; `local` leaves them to this machine; `bypass` sends them where they were going. A server may have a `method` of its own",
    required: true,
  }),
  backend: text({
    help: "Backend whose servers serve it",
    expected: "the name of a backend",
    maxLength: 64,
    required: true,
  }),
  persistence: optional(
    group(persistenceFields, {
      help: "A client's connections, or a call's packets, go to one server; a bare value is the timeout",
      short: "timeout",
    }),
  ),
  onePacket: bool({
    help: "UDP: every packet gets a server of its own, or that of its `persistence`, and no connection is kept (`ipvsadm --ops`)",
    fallback: false,
  }),
  tunnel: optional(
    group(tunnelFields, {
      help: "How `tun` wraps packets; a bare value is the type; absent: ipip",
      short: "type",
    }),
  ),
  passClient: bool({
    help: "`fullnat`, TCP: servers are told the client's address and port by a TCP option, which `weir node join fullnat` or a `toa` module understands there",
    fallback: false,
  }),
  onNoServer: oneOf(["reject", "drop", "bypass"], {
    help: "What a client gets when no server may be used: `reject` answers (RST, or ICMP port unreachable), `drop` does not, `bypass` sends its packets where they were going",
    fallback: "reject",
  }),
  onServerRemoved: oneOf(["drop", "reset", "keep"], {
    help: "What becomes of connections to a server that is taken out of the configuration: `drop` drops their packets, and they go on if it comes back, `reset` ends them at their next packet, `keep` lets them go on until they end. With `director.expireNodest`, `drop` is `reset`",
    fallback: "drop",
  }),
  maxConnections: connectionLimit("Tracked connections at the same time"),
  maxPerSource: connectionLimit(
    "Tracked connections of one client at the same time: of an IPv4 address, or an IPv6 network of 64 bits; one that has ended counts until its timeout is over",
  ),
  synProxy: oneOf(["off", "auto", "always"], {
    help: "TCP with `nat` or `fullnat`: a client's SYN is answered here, with a SYN cookie, and a server hears of the client only when it has returned that: `auto` where its SYN would be dropped, being more than `director.newFlows` or by `dropPacket`; `always` every time",
    fallback: "off",
  }),
};
export type Service = InferFields<typeof serviceFields>;

export const services = named(group(serviceFields, { help: "A virtual service of layer 4" }), {
  help: "Virtual services of layer 4, by name: packets go to servers inside the kernel",
  what: "services by name",
  fallback: new Map(),
});
