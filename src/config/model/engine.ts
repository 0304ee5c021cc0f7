import {
  duration,
  type InferFields,
  int,
  oneOf,
  optional,
  scalar,
  section,
  size,
  text,
} from "#schema/index.ts";

/** 0 stands for "as many as there are processors". */
const threads = scalar<number, number | "auto">(
  {
    help: "Worker threads; `auto` is one for each processor",
    fallback: 0,
    reload: "restart",
  },
  {
    type: "integer | auto",
    expected: "a whole number from 1 to 64, or auto",
    schema: { anyOf: [{ type: "integer", minimum: 1, maximum: 64 }, { const: "auto" }] },
    parse: (value, written) => {
      if (written === "auto") return 0;
      return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 64
        ? value
        : undefined;
    },
    format: (value) => (value === 0 ? "auto" : String(value)),
    words: ["auto"],
  },
);

const limit = (what: string, fallback: number, max: number) =>
  int({
    help: `Most ${what} that a configuration may hold`,
    min: 1,
    max,
    fallback,
    reload: "restart",
  });

/** Rows of the Board, whose size is fixed while an engine runs. */
export const limitFields = {
  frontends: limit("frontends", 256, 4096),
  backends: limit("backends", 1024, 16_384),
  servers: limit("servers, over all backends,", 4096, 262_144),
  services: limit("services", 1024, 16_384),
};

export const engineFields = {
  threads,
  driver: oneOf(["auto", "io_uring", "epoll"], {
    help: "How sockets are driven; `auto` takes io_uring where the kernel offers all that is needed",
    fallback: "auto",
    reload: "restart",
  }),
  maxConnections: int({
    help: "Client connections at the same time, over all frontends and threads; more wait in the kernel until others leave",
    min: 1,
    max: 4_000_000,
    fallback: 20_000,
    reload: "restart",
  }),
  memory: size({
    help: "Memory of each worker thread for buffers; taken only as it is used",
    min: 4 * 1024 ** 2,
    max: 64 * 1024 ** 3,
    fallback: 256 * 1024 ** 2,
    reload: "restart",
  }),
  shutdownDelay: duration({
    help: "How long connections are still accepted after a graceful stop was asked for, while `/readyz` answers 503 already; for balancers in front that look there",
    fallback: 0,
    max: 86_400_000,
  }),
  drain: duration({
    help: "How long requests may go on when no more connections are accepted, before they are cut",
    fallback: 30_000,
    max: 86_400_000,
  }),
  limits: section(limitFields, { help: "Sizes of the tables shared by the threads" }),
  maxHead: size({
    help: "Longest request or response head: start line and header fields",
    min: 1024,
    max: 256 * 1024,
    fallback: 16 * 1024,
    reload: "restart",
  }),
  maxHeaders: int({
    help: "Most header fields in a message",
    min: 8,
    max: 1000,
    fallback: 100,
    reload: "restart",
  }),
  maxUri: size({
    help: "Longest request target; must fit into `maxHead`",
    min: 256,
    max: 128 * 1024,
    fallback: 8 * 1024,
    reload: "restart",
  }),
  user: optional(
    text({
      help: "Account the engine runs as when it was started by root; the supervisor stays root",
      pattern: /^[a-z_][a-z0-9_-]{0,31}$/,
      expected: "the name of an account",
      reload: "restart",
    }),
  ),
};

export const engine = section(engineFields, {
  help: "The process: threads, sizes, limits. Most of it is fixed at start",
});
export type Engine = InferFields<typeof engineFields>;
