import type { InputFields } from "#schema/index.ts";
import type { documentFields } from "./model/document.ts";

/**
 * What `weir.config.ts` may export: the same keywords as in YAML, checked by the editor as it is
 * typed.
 */
export type Config = InputFields<typeof documentFields>;

/** Gives a configuration its type: `export default defineConfig({ … })`. */
export const defineConfig = (config: Config): Config => config;
