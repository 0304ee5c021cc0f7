import { check, type Finding, problem, warning } from "../check.ts";
import { isV4 } from "../forms.ts";

const SETTINGS = { 4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding" } as const;
const PATHS = { 4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding" } as const;

/**
 * What the director's program sends on its way needs no forwarding by the kernel. But a service
 * that bypasses hands packets to it; and with nat, this machine is the servers' router for all they
 * do.
 */
export const forwarding = check({
  name: "forwarding",
  of: "director",
  summary: "the kernel forwards where the director leaves packets to it",
  look: ({ director, sysctl }) => {
    const found: Finding[] = [];
    for (const family of [4, 6] as const) {
      if (sysctl(PATHS[family]) !== 0) continue;
      const services = director!.services.filter(
        ({ address }) => address === undefined || isV4(address) === (family === 4),
      );
      const remedy = `sysctl ${SETTINGS[family]}=1`;
      if (services.some(({ bypasses }) => bypasses)) {
        const text = `this machine forwards no IPv${family}: packets that bypass the servers are dropped`;
        found.push(problem(text, remedy));
      } else if (services.some(({ methods }) => methods.includes("nat"))) {
        const text =
          `this machine forwards no IPv${family}: services work, but servers whose default route it is ` +
          "(nat) reach nothing else by it";
        found.push(warning(text, remedy));
      }
    }
    return found;
  },
});
