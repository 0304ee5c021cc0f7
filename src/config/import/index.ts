import type { Importer } from "../importer.ts";
import { ipvsadm } from "./ipvsadm.ts";

/** Every format that can be read: one line each. */
export const importers: readonly Importer[] = [ipvsadm];
