import { text } from "#schema/index.ts";
import { repeated } from "./option.ts";

/** The option of every command that reads a configuration. */
export const fileOption = repeated(
  text({ help: "configuration file, or a directory of *.yaml; else WEIR_CONFIG, ./weir.yaml, …" }),
  "FILE",
  "f",
);
