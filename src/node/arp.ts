/*
 * When an address on lo stays a secret (Linux, Documentation/networking/ip-sysctl.rst): of "all"
 * and the interface's own setting the larger counts.
 */

/** Answers only for addresses of the interface that was asked; 2: only askers of its network. */
const SILENT = new Set([1, 2, 8]);

/** Whether a value of arp_ignore keeps an interface from answering for addresses on lo. */
export const isSilent = (ignore: number): boolean => SILENT.has(ignore);
export const WANTED_IGNORE = 1;

/** Of arp_announce: never names an address of another interface as the asker's. */
export const WANTED_ANNOUNCE = 2;

export const RP_STRICT = 1;
export const RP_LOOSE = 2;

/** A setting of an interface as it counts: the larger of its own and that of all. */
export function effective(
  sysctl: (name: string) => number | undefined,
  device: string,
  name: "arp_ignore" | "arp_announce" | "rp_filter",
): number {
  const of = (whose: string): number => sysctl(`ipv4/conf/${whose}/${name}`) ?? 0;
  return Math.max(of("all"), of(device));
}
