import { dns } from "./dns.ts";
import type { Provider } from "./provider.ts";

/** Every place that servers' addresses can come from. To add one: a file here, and a line below. */
export const providers: readonly Provider[] = [dns];
