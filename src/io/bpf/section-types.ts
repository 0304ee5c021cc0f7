import { ATTACH_TYPE, PROGRAM_FLAG, PROGRAM_TYPE } from "./abi.ts";

/** What the name of a section says about the programs in it. */
export interface SectionType {
  readonly type: number;
  readonly attachType: number;
  readonly flags: number;
}

const { SOCKET_FILTER, SCHED_CLS, XDP, CGROUP_SOCK_ADDR, SYSCALL } = PROGRAM_TYPE;

/** `SEC("xdp")` and so on, as libbpf names them. A tcx link names its hook itself. */
const TYPES: Readonly<Record<string, SectionType>> = {
  socket: { type: SOCKET_FILTER, attachType: 0, flags: 0 },
  tc: { type: SCHED_CLS, attachType: 0, flags: 0 },
  classifier: { type: SCHED_CLS, attachType: 0, flags: 0 },
  tcx: { type: SCHED_CLS, attachType: 0, flags: 0 },
  xdp: { type: XDP, attachType: ATTACH_TYPE.XDP, flags: 0 },
  "xdp.frags": { type: XDP, attachType: ATTACH_TYPE.XDP, flags: PROGRAM_FLAG.XDP_HAS_FRAGS },
  "cgroup/getpeername4": {
    type: CGROUP_SOCK_ADDR,
    attachType: ATTACH_TYPE.INET4_GETPEERNAME,
    flags: 0,
  },
  "cgroup/getpeername6": {
    type: CGROUP_SOCK_ADDR,
    attachType: ATTACH_TYPE.INET6_GETPEERNAME,
    flags: 0,
  },
  syscall: { type: SYSCALL, attachType: 0, flags: PROGRAM_FLAG.SLEEPABLE },
};

/** By a section's name, or what comes before its first slash; undefined for one nobody knows. */
export function sectionType(name: string): SectionType | undefined {
  const kind = Object.hasOwn(TYPES, name) ? name : name.split("/")[0]!;
  return Object.hasOwn(TYPES, kind) ? TYPES[kind] : undefined;
}
