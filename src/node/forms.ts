import { FORM } from "#plan/node-layout.ts";

/** Forms of tunnels, by their names on the command line. */
export type Form = "ipip" | "gue" | "gre";
export const FORMS: readonly Form[] = ["ipip", "gue", "gre"];

const BITS: Readonly<Record<Form, number>> = { ipip: FORM.IPIP, gue: FORM.GUE, gre: FORM.GRE };

/** UDP and GUE; GRE with a checksum; nothing. */
const SHIM_BYTES: Readonly<Record<Form, number>> = { ipip: 0, gue: 12, gre: 8 };

/** As the program wants them. */
export const formBits = (forms: readonly Form[]): number =>
  forms.reduce((bits, form) => bits | BITS[form], 0);

/** Most that these tunnels put before a packet. `v6`: outer headers may be of IPv6. */
export const tunnelBytes = (forms: readonly Form[], v6: boolean): number =>
  (v6 ? 40 : 20) + Math.max(...forms.map((form) => SHIM_BYTES[form]));

/** What a TCP segment may carry so that the packet fits `bytes`: headers without options. */
export const segmentBytes = (bytes: number, v4: boolean): number => bytes - (v4 ? 40 : 60);

/** Whether the text of an address is IPv4's. */
export const isV4 = (address: string): boolean => !address.includes(":");
