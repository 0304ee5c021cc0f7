/*
 * Numbers of bpf(2), as include/uapi/linux/bpf.h of the Linux kernel gives them.
 */

/** Functions of the kernel that programs may call: those that not every kernel has. */
export const HELPER = {
  /** Linux 5.10 */
  REDIRECT_NEIGH: 152,
  /** Linux 5.11 */
  KTIME_GET_COARSE_NS: 160,
  /** Linux 5.13 */
  FOR_EACH_MAP_ELEM: 164,
  /** Linux 5.17 */
  LOOP: 181,
} as const;

/** What bpf(2) is to do. */
export const COMMAND = {
  MAP_CREATE: 0,
  MAP_LOOKUP: 1,
  MAP_UPDATE: 2,
  MAP_DELETE: 3,
  MAP_NEXT_KEY: 4,
  PROG_LOAD: 5,
  OBJ_PIN: 6,
  OBJ_GET: 7,
  PROG_TEST_RUN: 10,
  OBJ_INFO: 15,
  PROG_QUERY: 16,
  BTF_LOAD: 18,
  MAP_FREEZE: 22,
  MAP_LOOKUP_BATCH: 24,
  MAP_UPDATE_BATCH: 26,
  MAP_DELETE_BATCH: 27,
  LINK_CREATE: 28,
  LINK_UPDATE: 29,
  LINK_DETACH: 34,
} as const;

export const MAP_TYPE = {
  HASH: 1,
  ARRAY: 2,
  PROG_ARRAY: 3,
  PERF_EVENT_ARRAY: 4,
  PERCPU_HASH: 5,
  PERCPU_ARRAY: 6,
  LRU_HASH: 9,
  LRU_PERCPU_HASH: 10,
  LPM_TRIE: 11,
  ARRAY_OF_MAPS: 12,
  HASH_OF_MAPS: 13,
  PERCPU_CGROUP_STORAGE: 21,
  RINGBUF: 27,
} as const;

/** Flags of a map: `map_flags`. */
export const MAP_FLAG = {
  NO_PREALLOC: 1,
  RDONLY_PROG: 1 << 7,
  MMAPABLE: 1 << 10,
  INNER_MAP: 1 << 12,
} as const;

/** Flags of an update. */
export const UPDATE = { ANY: 0, NOEXIST: 1, EXIST: 2 } as const;

export const PROGRAM_TYPE = {
  SOCKET_FILTER: 1,
  SCHED_CLS: 3,
  XDP: 6,
  CGROUP_SOCK_ADDR: 18,
  SYSCALL: 31,
} as const;

/** Flags of a program: `prog_flags`. */
export const PROGRAM_FLAG = { SLEEPABLE: 1 << 4, XDP_HAS_FRAGS: 1 << 5 } as const;

export const ATTACH_TYPE = {
  INET4_GETPEERNAME: 29,
  INET6_GETPEERNAME: 30,
  XDP: 37,
  TCX_INGRESS: 46,
  TCX_EGRESS: 47,
} as const;

/** Flags of attaching: in front of all that are there. */
export const ATTACH_FLAG = { BEFORE: 1 << 3 } as const;
