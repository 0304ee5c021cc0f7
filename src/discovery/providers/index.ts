import type { Provider } from "../provider.ts";
import { dns } from "./dns.ts";

/** Every place that servers' addresses can come from. To add one: a file here, and a line below. */
export const providers = [dns] as const satisfies readonly Provider[];
