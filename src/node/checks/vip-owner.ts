import { check, type Finding, problem, warning } from "../check.ts";
import { holdersOf } from "../overview.ts";

export const vipOwner = check({
  name: "vip-owner",
  of: "director",
  summary: "packets to the services' addresses find this machine, where the director takes them",
  look: (facts) => {
    const { services, interfaces } = facts.director!;
    const devices = interfaces.map(({ device }) => device);
    const loopbacks = facts.interfaces.filter(({ isLoopback }) => isLoopback);
    const quiet = loopbacks.map(({ name }) => name);
    const found: Finding[] = [];
    for (const address of new Set(services.map((service) => service.address))) {
      if (address === undefined || /^(0\.0\.0\.0|::)$/.test(address)) continue;
      const holders = holdersOf(facts, address);
      if (holders.length === 0 && !facts.way(address)?.local) {
        found.push(
          warning(
            `${address} is no address of this machine: only what routers send here comes (so it is ` +
              "with a second director that stands by)",
            `ip addr add ${address} dev ${devices[0] ?? "eth0"} (or lo, where routers send it here)`,
          ),
        );
      }
      const elsewhere = holders.filter((name) => !devices.includes(name) && !quiet.includes(name));
      for (const name of elsewhere) {
        const text = `${address} is an address of ${name}, where the director takes no packets`;
        found.push(problem(text, `${name} among director.interfaces`));
      }
    }
    return found;
  },
});
