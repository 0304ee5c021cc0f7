/** Schedulers that IPVS has. */
export const IPVS_SCHEDULERS: readonly string[] = [
  ...["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"],
  "twos",
];

/** The largest number that `-x` and `-y` take. */
export const IPVS_MOST_CONNECTIONS = 65_535;
