import {
  bool,
  duration,
  type InferFields,
  int,
  ip,
  list,
  oneOf,
  refine,
  section,
  text,
} from "#schema/index.ts";
import { LONGEST_MS, whyNoUnicast } from "./service-address.ts";
import { sync } from "./sync.ts";

const network = text({
  help: "A network interface",
  // As the kernel names them: dev_valid_name() in net/core/dev.c.
  pattern: /^(?!\.{1,2}$)[^\s/:]{1,15}$/,
  expected: "the name of a network interface, such as eth0",
});

const once = (values: readonly string[]): string | undefined =>
  new Set(values).size < values.length ? "each of them once" : undefined;

const localAddress = refine(ip({ help: "An address of this machine" }), whyNoUnicast);

const timeout = (help: string, fallback: number) =>
  duration({ help, min: 1000, max: LONGEST_MS, fallback });

const timeoutFields = {
  tcp: timeout("Of an established TCP connection, since its last packet", 900_000),
  tcpFin: timeout("Of a TCP connection since a FIN was seen", 120_000),
  udp: timeout("Of a UDP flow, since its last packet", 300_000),
};

const defence = (help: string) => oneOf(["off", "auto", "always"], { help, fallback: "off" });

export const directorFields = {
  interfaces: refine(
    list(network, {
      help: "Where packets come in: from clients, and with nat and fullnat from servers. Needed as soon as there are services",
      single: true,
      max: 64,
      fallback: [],
    }),
    once,
  ),
  hook: oneOf(["auto", "tcx", "clsact"], {
    help: "Where in the kernel packets are taken; `auto` is the best that it offers: `clsact`, behind the filters of tc, where a service goes by `mark`, else `tcx`, before them, from Linux 6.6 on",
    fallback: "auto",
  }),
  connections: int({
    help: "Entries of the connection table. One that is in the kernel keeps its size until `weir director flush`, and that is said",
    min: 1024,
    max: 16_777_216,
    fallback: 1_048_576,
    reload: "restart",
  }),
  newFlows: int({
    help: "New flows that are tracked in a second, for each CPU; more are spread by hash alone, without a place in the table (SYN floods); with nat and fullnat they are dropped, and clients try again, or get SYN cookies (a service's `synProxy`). 0 = no limit",
    max: 1_000_000_000,
    fallback: 50_000,
  }),
  localAddresses: refine(
    list(localAddress, {
      help: "Addresses of this machine that fullnat speaks to servers from",
      single: true,
      max: 256,
      fallback: [],
    }),
    once,
  ),
  localPorts: oneOf(["auto", "all"], {
    help: "Their ports: `auto` leaves those to this machine's own connections that the kernel gives them (`net.ipv4.ip_local_port_range`), unless none of `localAddresses` is this machine's or fewer than 4,096 were left; `all` is 1024 to 65535",
    fallback: "auto",
  }),
  pins: text({
    help: "Folder in `/sys/fs/bpf` that keeps programs and tables while no process of ours runs",
    pattern: /^[A-Za-z0-9_-]{1,64}$/,
    expected: "a folder's name: letters, digits, _ and -",
    fallback: "weir",
    reload: "restart",
  }),
  timeouts: section(timeoutFields, {
    help: "How long a silent connection is kept: `ipvsadm --set tcp tcpfin udp`",
  }),
  sloppyTcp: bool({
    help: "A TCP connection may begin with any packet but RST, not only with SYN (`net.ipv4.vs.sloppy_tcp`)",
    fallback: false,
  }),
  sloppySctp: bool({
    help: "An association of SCTP may begin with any chunk but ABORT, not only with INIT (`net.ipv4.vs.sloppy_sctp`)",
    fallback: false,
  }),
  expireNodest: bool({
    help: "A connection whose server was removed or is down ends at its next packet; otherwise packets for one that was removed are dropped, and it goes on if the server comes back (`expire_nodest_conn`)",
    fallback: false,
  }),
  expireQuiescentTemplate: bool({
    help: "Persistence ends for clients of a server that takes no new ones, as with weight 0 (`expire_quiescent_template`)",
    fallback: false,
  }),
  connReuse: int({
    help: "A client that uses a port again gets a server anew: 0 = no, 1 = after TIME_WAIT and CLOSE, 2 or 3 = after FIN_WAIT as well where answers do not come back through the director (`conn_reuse_mode`)",
    max: 3,
    fallback: 1,
  }),
  secureTcp: defence(
    "TCP goes by another table of states: where servers' packets pass here, not the client's ACK makes a connection established, but what its server says after that: `auto` while more than 90% of the table is in use (`secure_tcp`)",
  ),
  dropEntry: defence(
    "Half-open connections are thrown out, one in 32 of them a second: `auto` while more than 90% of the table is in use (`drop_entry`)",
  ),
  dropPacket: defence(
    "Packets that would begin a connection are dropped, one in so many: `auto` while more than 90% of the table is in use, at most every second one (`drop_packet`)",
  ),
  amDropRate: int({
    help: "One such packet in so many is dropped with `dropPacket: always` (`am_droprate`)",
    min: 1,
    max: 1_000_000,
    fallback: 10,
  }),
  xdp: bool({
    help: "Packets of known flows are taken by XDP, in the drivers of `interfaces`, where a test shows that it works; all others as `hook` says",
    fallback: false,
  }),
  sync: sync(network),
};
export type Director = InferFields<typeof directorFields>;

export const director = section(directorFields, {
  help: "Layer 4: how packets of services are taken, one for the whole machine",
});
