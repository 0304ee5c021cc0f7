import { ERRNO, type SystemError } from "../errno-names.ts";
import { type Netlink, NetlinkBody, NLM } from "../netlink.ts";
import type { Direction } from "./link.ts";

/*
 * tc programs on kernels before 6.6, which have no tcx links: an interface gets a queueing
 * discipline `clsact` that queues nothing but gives hooks, and a filter of kind `bpf` whose program
 * says itself what becomes of a packet (direct action). See tc-bpf(8). Nothing of this goes away by
 * itself: what was added is to be deleted.
 */

const RTM_NEWQDISC = 36;
const RTM_DELQDISC = 37;
const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
const RTM_GETTFILTER = 46;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_BPF_FD = 6;
const TCA_BPF_NAME = 7;
const TCA_BPF_FLAGS = 8;
const TCA_BPF_FLAG_ACT_DIRECT = 1;
const CLSACT_HANDLE = 0xffff0000;
const CLSACT_PARENT = 0xfffffff1;
const PARENTS: Readonly<Record<Direction, number>> = { ingress: 0xfffffff2, egress: 0xfffffff3 };
/** ETH_P_ALL in network order. */
const ALL_PROTOCOLS = 0x0300;

/** Which filter of an interface: several may stand in a row, by their priority. */
export interface FilterPlace {
  readonly ifindex: number;
  readonly direction: Direction;
  /** 1 to 65535; lower ones come first. */
  readonly priority: number;
  /** Number of the filter within its priority; 1 or more. */
  readonly handle: number;
}

/** Gives an interface the discipline; false when it has it already. Throws a SystemError. */
export function addClsact(netlink: Netlink, ifindex: number): boolean {
  try {
    const body = qdisc(ifindex).bytes;
    netlink.request(
      `add clsact to interface ${ifindex}`,
      RTM_NEWQDISC,
      NLM.CREATE | NLM.EXCL,
      body,
    );
    return true;
  } catch (error) {
    if ((error as SystemError).errno !== ERRNO.EEXIST) throw error;
    return false;
  }
}

/** Whether the discipline has filters of anybody, on either side. Throws a SystemError. */
export const hasFilters = (netlink: Netlink, ifindex: number): boolean =>
  Object.values(PARENTS).some((parent) => {
    const body = tcMessage(ifindex, 0, parent, 0).bytes;
    const attempt = `list filters of interface ${ifindex}`;
    return netlink.request(attempt, RTM_GETTFILTER, NLM.DUMP, body).length > 0;
  });

/** Takes it away again, with all its filters, others' too. Throws a SystemError. */
export function deleteClsact(netlink: Netlink, ifindex: number): void {
  const body = qdisc(ifindex).bytes;
  netlink.request(`delete clsact of interface ${ifindex}`, RTM_DELQDISC, 0, body);
}

/** Puts a program in a filter's place, instead of the one that is there. Throws a SystemError. */
export function setFilter(
  netlink: Netlink,
  place: FilterPlace,
  program: number,
  name: string,
): void {
  const body = filter(place).nest(TCA_OPTIONS, (options) => {
    options.u32(TCA_BPF_FD, program);
    options.text(TCA_BPF_NAME, name);
    options.u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
  });
  netlink.request(label("set", place), RTM_NEWTFILTER, NLM.CREATE, body.bytes);
}

/** Takes a filter away; false when there was none. Throws a SystemError. */
export function deleteFilter(netlink: Netlink, place: FilterPlace): boolean {
  try {
    netlink.request(label("delete", place), RTM_DELTFILTER, 0, filter(place).bytes);
    return true;
  } catch (error) {
    const { errno } = error as SystemError;
    if (errno !== ERRNO.ENOENT && errno !== ERRNO.EINVAL) throw error;
    // EINVAL too: "Parent Qdisc doesn't exists", or the chain of this priority.
    return false;
  }
}

const label = (verb: string, { ifindex, direction }: FilterPlace): string =>
  `${verb} the ${direction} filter of interface ${ifindex}`;

/** tcmsg: family, interface, handle, parent, priority and protocol. */
function tcMessage(ifindex: number, handle: number, parent: number, info: number): NetlinkBody {
  const message = Uint32Array.of(0, ifindex, handle, parent, info);
  return new NetlinkBody().raw(new Uint8Array(message.buffer));
}

const qdisc = (ifindex: number): NetlinkBody =>
  tcMessage(ifindex, CLSACT_HANDLE, CLSACT_PARENT, 0).text(TCA_KIND, "clsact");

const filter = ({ ifindex, direction, priority, handle }: FilterPlace): NetlinkBody =>
  tcMessage(ifindex, handle, PARENTS[direction], (priority << 16) | ALL_PROTOCOLS).text(
    TCA_KIND,
    "bpf",
  );
