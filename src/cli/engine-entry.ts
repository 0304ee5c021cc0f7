import { fileURLToPath } from "node:url";

/** The module that an engine process runs. */
export const engineEntry = fileURLToPath(new URL("../../bin/weir-engine.ts", import.meta.url));
