import {
  address,
  bool,
  group,
  type InferFields,
  int,
  list,
  optional,
  scalar,
} from "#schema/index.ts";

/** Permission bits of a Unix socket's file, written in octal digits whatever YAML makes of them. */
const mode = scalar<number, string | number>(
  { help: "Permissions of a Unix socket's file, in octal: `0660`" },
  {
    type: "octal mode",
    expected: "three octal digits such as 660",
    schema: { type: ["string", "integer"] },
    parse: (_, written) => {
      const m = /^(?:0o?)?([0-7]{3})$/.exec(written);
      return m ? Number.parseInt(m[1]!, 8) : undefined;
    },
    format: (bits) => `0${bits.toString(8).padStart(3, "0")}`,
  },
);

export const bindFields = {
  address: address({
    help: "`127.0.0.1:8080`, `[::1]:8080`, `:8080` (every IPv4 address), `[::]:8080` (both families), `unix@/path`, `fd@3`",
    required: true,
    kinds: ["inet", "unix", "fd"],
  }),
  backlog: int({
    help: "Connections the kernel holds until they are accepted; `net.core.somaxconn` is its limit",
    min: 1,
    max: 65_535,
    fallback: 4096,
  }),
  mode: optional(mode),
  v6Only: bool({
    help: "`[::]` takes no IPv4 connections",
    fallback: false,
  }),
};
export type Bind = InferFields<typeof bindFields>;

export const bind = list(group(bindFields, { help: "An address to listen on", short: "address" }), {
  help: "Addresses to listen on: one, or a list",
  required: true,
  single: true,
  min: 1,
  max: 256,
});
