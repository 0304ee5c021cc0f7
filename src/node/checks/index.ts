import type { Check } from "../check.ts";
import { arpAnnounce } from "./arp-announce.ts";
import { arpIgnore } from "./arp-ignore.ts";
import { bpf } from "./bpf.ts";
import { clientAddress } from "./client-address.ts";
import { connectionTable } from "./connection-table.ts";
import { decapsulation } from "./decapsulation.ts";
import { directorInterfaces } from "./director-interfaces.ts";
import { forwarding } from "./forwarding.ts";
import { listener } from "./listener.ts";
import { localServer } from "./local-server.ts";
import { merging } from "./merging.ts";
import { returnRoute } from "./return-route.ts";
import { rpFilter } from "./rp-filter.ts";
import { tunnelEnds } from "./tunnel-ends.ts";
import { tunnelMtu } from "./tunnel-mtu.ts";
import { vipOwner } from "./vip-owner.ts";
import { vipPresent } from "./vip-present.ts";
import { vipQuiet } from "./vip-quiet.ts";
import { xdp } from "./xdp.ts";

/** Everything `weir doctor` looks at, in the order it tells. */
export const checks: readonly Check[] = [
  bpf,
  vipPresent,
  vipQuiet,
  arpIgnore,
  arpAnnounce,
  decapsulation,
  tunnelEnds,
  tunnelMtu,
  rpFilter,
  returnRoute,
  clientAddress,
  listener,
  directorInterfaces,
  connectionTable,
  vipOwner,
  forwarding,
  localServer,
  merging,
  xdp,
];
