/**
 * Numbers of the kernel's io_uring interface (include/uapi/linux/io_uring.h, Linux 6.18), as far as
 * we use them. Offsets are in 32-bit words unless they say bytes.
 *
 *   SQE, 64 bytes                                       CQE, 16 bytes
 *   ┌0─op·flags·ioprio─┬1─fd──────────┐                 ┌0─user data lo─┬1─user data hi─┐
 *   │2─off lo──────────┼3─off hi──────┤                 │2─res──────────┼3─flags────────┤
 *   │4─addr lo─────────┼5─addr hi─────┤                 └───────────────┴───────────────┘
 *   │6─len─────────────┼7─op flags────┤
 *   │8─user data lo────┼9─user data hi┤
 *   │10 buf group      ┼11 file index ┤
 *   │12 addr3 lo───────┼13 addr3 hi───┤
 *   └14────────────────┴15────────────┘
 */
export const SQE_WORDS = 16;
export const CQE_WORDS = 4;

export const OP = Object.freeze({
  NOP: 0,
  POLL_ADD: 6,
  ACCEPT: 13,
  ASYNC_CANCEL: 14,
  LINK_TIMEOUT: 15,
  CONNECT: 16,
  CLOSE: 19,
  READ: 22,
  SEND: 26,
  RECV: 27,
  SHUTDOWN: 34,
  SOCKET: 45,
  URING_CMD: 46,
  READ_MULTISHOT: 49,
  FIXED_FD_INSTALL: 54,
});

/** SQE flags, already shifted to their place in word 0. */
export const SQE = Object.freeze({
  FIXED_FILE: 1 << 8,
  IO_LINK: 1 << 10,
  BUFFER_SELECT: 1 << 13,
  CQE_SKIP_SUCCESS: 1 << 14,
});

/** ioprio flags of RECV, shifted to their place in word 0. */
export const RECV_POLL_FIRST = 1 << 16;
export const RECV_MULTISHOT = 1 << 17;

export const CANCEL_ALL = 1;
export const CANCEL_FD = 2;
export const CANCEL_FD_FIXED = 8;

export const CQE_BUFFER = 1;
export const CQE_MORE = 2;

export const SETUP = Object.freeze({
  CQSIZE: 1 << 3,
  SUBMIT_ALL: 1 << 7,
  COOP_TASKRUN: 1 << 8,
  SINGLE_ISSUER: 1 << 12,
  DEFER_TASKRUN: 1 << 13,
  NO_MMAP: 1 << 14,
  NO_SQARRAY: 1 << 16,
});

export const ENTER_GETEVENTS = 1;
export const ENTER_EXT_ARG = 8;
export const ENTER_REGISTERED_RING = 16;

export const REGISTER = Object.freeze({
  PROBE: 8,
  FILES2: 13,
  RING_FDS: 20,
  UNREGISTER_RING_FDS: 21,
  PBUF_RING: 22,
});
export const RSRC_REGISTER_SPARSE = 1;

/** SOCKET_URING_OP_SETSOCKOPT of URING_CMD. */
export const SOCKET_SETSOCKOPT = 3;

/** struct io_uring_params, word offsets. */
export const PARAMS = Object.freeze({
  SQ_ENTRIES: 0,
  CQ_ENTRIES: 1,
  FLAGS: 2,
  FEATURES: 5,
  SQ_HEAD: 10,
  SQ_TAIL: 11,
  SQ_MASK: 12,
  SQ_USER_ADDR: 18,
  CQ_HEAD: 20,
  CQ_TAIL: 21,
  CQ_MASK: 22,
  CQ_OVERFLOW: 24,
  CQ_CQES: 25,
  CQ_USER_ADDR: 28,
  BYTES: 120,
});

export const SYS_IO_URING_SETUP = 425;
export const SYS_IO_URING_ENTER = 426;
export const SYS_IO_URING_REGISTER = 427;

export const MSG_NOSIGNAL = 0x4000;
export const MSG_WAITALL = 0x100;
export const MSG_MORE = 0x8000;
