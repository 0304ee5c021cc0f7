import { whyNoUnicast } from "../model/service-address.ts";
import { type Endpoint, parseEndpoint, parseMask, parseNumber } from "./address.ts";
import { type DaemonRule, readDaemon } from "./daemon-rule.ts";
import type { Faults } from "./faults.ts";
import { IPVS_SCHEDULERS } from "./ipvs.ts";
import type { Call, OptionName } from "./options.ts";
import { readServer } from "./server-rule.ts";
import type { ServiceRule, What } from "./service-rule.ts";
import { applySetting, type Setting } from "./settings.ts";

/** Flags of `-b`, which have a name for each scheduler that knows them, and a number. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  fallback: ["sh-fallback", "mh-fallback", "flag-1"],
  port: ["sh-port", "mh-port", "flag-2"],
};
const MOST_SECONDS = 31 * 86_400;

const COMMANDS = {
  "add-service": (rules, call) => rules.addService(call, false),
  "edit-service": (rules, call) => rules.addService(call, true),
  "delete-service": (rules, call) => rules.deleteService(call),
  "add-server": (rules, call) => rules.addServer(call, false),
  "edit-server": (rules, call) => rules.addServer(call, true),
  "delete-server": (rules, call) => rules.deleteServer(call),
  clear: (rules) => rules.services.clear(),
  set: (rules, call) => rules.setTimeouts(call),
  "start-daemon": (rules, call) => rules.startDaemon(call),
  "stop-daemon": (rules, call) => rules.stopDaemon(call),
  zero: (rules) => rules.leaveOut("counters are not part of a configuration"),
  restore: (rules) => rules.leaveOut("give the rules themselves to be read"),
  save: (rules) => rules.leaveOut("it only prints"),
  list: (rules) => rules.leaveOut("it only prints"),
  help: (rules) => rules.leaveOut("it only prints"),
  version: (rules) => rules.leaveOut("it only prints"),
} as const satisfies Partial<Record<OptionName, (rules: RuleSet, call: Call) => void>>;

const HANDLERS: ReadonlyMap<string, (rules: RuleSet, call: Call) => void> = new Map(
  Object.entries(COMMANDS),
);

/** The table of virtual services, changed by one call after another as IPVS would. */
export class RuleSet {
  readonly services = new Map<string, ServiceRule>();
  /** Of `--set`, in seconds; 0 = as it is. */
  timeouts: readonly number[] = [];
  /** Sync daemons, by their role. */
  readonly daemons = new Map<string, DaemonRule>();
  /** Of the section `director`. */
  readonly settings: Record<string, unknown> = {};
  readonly #faults: Faults;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  set(setting: Setting): void {
    applySetting(this.settings, setting, this.#faults);
  }

  apply(call: Call): void {
    const commands = [...call.options.keys()].filter((name) => HANDLERS.has(name));
    const [command] = commands;
    if (command === undefined) this.#faults.error("there is no command, such as -A or -a");
    else if (commands.length > 1) {
      this.#faults.error(`one command at a time, not --${commands.join(" and --")}`);
    } else {
      if (call.alone.length > 0 && command !== "set") {
        this.#faults.error(`nobody knows what "${call.alone[0]}" is for`);
      }
      HANDLERS.get(command)!(this, call);
    }
  }

  leaveOut(why: string): void {
    this.#faults.warning(`left out: ${why}`);
  }

  addService({ options }: Call, isEdit: boolean): void {
    const at = this.#whatOf(options);
    if (!at) return;
    const known = this.services.get(at.key);
    const scheduler = options.get("scheduler") ?? "wlc";
    const persistence = this.#persistenceOf(options, at.family);
    const engine = options.get("pe");
    const onePacket = options.has("ops");
    const { kind } = at.what;
    const faults: readonly [boolean, string][] = [
      [isEdit && !known, "there is no such service to edit"],
      [!isEdit && known !== undefined, "there is such a service already"],
      [!IPVS_SCHEDULERS.includes(scheduler), `IPVS has no scheduler ${JSON.stringify(scheduler)}`],
      [onePacket && kind !== "udp" && kind !== "mark", "-o is for UDP alone"],
      [engine !== undefined && engine !== "sip", `IPVS has one engine, sip, and no ${engine}`],
      [engine !== undefined && kind !== "udp" && kind !== "mark", "--pe sip is for UDP alone"],
      [
        kind !== "mark" && at.what.port === 0 && !persistence,
        "port 0, which is all of them, is for services with -p alone",
      ],
    ];
    const fault = faults.find(([is]) => is);
    if (fault) {
      this.#faults.error(fault[1]);
      return;
    }
    this.services.set(at.key, {
      line: known?.line ?? this.#faults.line,
      what: at.what,
      family: at.family,
      servers: known?.servers ?? new Map(),
      scheduler,
      flags: this.#flagsOf(options.get("sched-flags") ?? "", scheduler),
      persistence,
      onePacket,
    });
  }

  deleteService({ options }: Call): void {
    const at = this.#whatOf(options);
    if (at && !this.services.delete(at.key)) this.#faults.error("there is no such service");
  }

  addServer({ options }: Call, isEdit: boolean): void {
    const service = this.#serviceOf(options);
    const server = service && readServer(options, service, this.#faults);
    if (!service || !server) return;
    const known = service.servers.has(server.key);
    if (isEdit && !known) this.#faults.error("there is no such server to edit");
    else if (!isEdit && known) this.#faults.error("there is such a server already");
    else service.servers.set(server.key, server);
  }

  deleteServer({ options }: Call): void {
    const service = this.#serviceOf(options);
    const server = service && readServer(options, service, this.#faults);
    if (server && !service.servers.delete(server.key)) {
      this.#faults.error("there is no such server");
    }
  }

  startDaemon({ options }: Call): void {
    const daemon = readDaemon(options, this.#faults);
    if (daemon) this.daemons.set(daemon.role, daemon);
  }

  stopDaemon({ options }: Call): void {
    if (!this.daemons.delete(options.get("stop-daemon")!)) {
      this.#faults.warning("left out: there is no such daemon to stop");
    }
  }

  setTimeouts({ options, alone }: Call): void {
    const seconds = [options.get("set")!, ...alone].map((text) => parseNumber(text, MOST_SECONDS));
    if (seconds.length !== 3 || !seconds.every((value) => value !== undefined)) {
      this.#faults.error(`--set takes three times in seconds, each of ${MOST_SECONDS} at most`);
      return;
    }
    this.timeouts = seconds.map((value, i) => value || (this.timeouts[i] ?? 0));
  }

  #serviceOf(options: Call["options"]): ServiceRule | undefined {
    const at = this.#whatOf(options);
    const service = at && this.services.get(at.key);
    if (at && !service) this.#faults.error("there is no such service");
    return service;
  }

  #whatOf(options: Call["options"]) {
    const kinds = (["tcp", "udp", "sctp"] as const).filter((kind) =>
      options.has(`${kind}-service`),
    );
    const mark = options.get("fwmark-service");
    const [kind] = kinds;
    if (kinds.length + (mark === undefined ? 0 : 1) !== 1) {
      this.#faults.error("one of -t, -u, --sctp-service and -f says which service is meant");
      return undefined;
    }
    if (mark !== undefined) {
      const number = parseNumber(mark, 0xffff_ffff) ?? 0;
      if (number === 0) this.#faults.error(`${JSON.stringify(mark)} is no mark: a number above 0`);
      const family: 4 | 6 = options.has("ipv6") ? 6 : 4;
      const what: What = { kind: "mark", mark: number };
      return number === 0 ? undefined : { key: `mark ${number} ${family}`, what, family };
    }
    const endpoint = parseEndpoint(options.get(`${kind!}-service`)!);
    const why = typeof endpoint === "string" ? endpoint : whyNoVip(endpoint);
    if (typeof endpoint === "string" || endpoint.family === 0 || why !== undefined) {
      this.#faults.error(why ?? "no address");
      return undefined;
    }
    const { host, port = 0, family } = endpoint;
    return { key: `${kind} ${host} ${port}`, what: { kind: kind!, host, port }, family };
  }

  #persistenceOf(options: Call["options"], family: 4 | 6): ServiceRule["persistence"] {
    const written = options.get("persistent");
    const mask = options.get("netmask");
    if (written === undefined) {
      if (mask !== undefined) this.#faults.warning("-M is for persistence, and there is no -p");
      if (options.has("pe")) this.#faults.warning("--pe is for persistence, and there is no -p");
      return undefined;
    }
    const whole = family === 6 ? 128 : 32;
    const isByCall = options.has("pe");
    const bits = mask === undefined ? whole : parseMask(mask, family, isByCall ? 0 : 1);
    if (bits === undefined) {
      const expected = family === 6 ? "a prefix from 1 to 128" : "a netmask such as 255.255.255.0";
      this.#faults.error(`-M takes ${expected}, not ${JSON.stringify(mask)}`);
    }
    const seconds = written === "" ? 300 : (parseNumber(written, MOST_SECONDS) ?? 0);
    if (seconds === 0) {
      this.#faults.error(
        `-p takes seconds from 1 to ${MOST_SECONDS}, not ${JSON.stringify(written)}`,
      );
    }
    return { seconds: seconds || 300, bits: bits ?? whole, isByCall };
  }

  /** Names of our scheduler's options. */
  #flagsOf(written: string, scheduler: string): string[] {
    const wanted = written.split(",").filter((word) => word !== "");
    const known = wanted.filter((word) => {
      const isOne = Object.values(FLAGS).some((names) => names.includes(word));
      if (!isOne) this.#faults.error(`the scheduler's flag ${JSON.stringify(word)} is not known`);
      const fits = word.startsWith(`${scheduler}-`) || word.startsWith("flag-");
      if (isOne && (!fits || !["sh", "mh"].includes(scheduler))) {
        this.#faults.warning(`${scheduler} does not know the flag ${word}`);
        return false;
      }
      return isOne;
    });
    const options = Object.entries(FLAGS).filter(([, names]) =>
      known.some((w) => names.includes(w)),
    );
    return options.map(([option]) => option);
  }
}

function whyNoVip({ host, family }: Endpoint): string | undefined {
  if (family === 0) {
    return `${host} is a name, and a service needs an address: \`ipvsadm -S -n\` writes it`;
  }
  const wrong = whyNoUnicast(host);
  return wrong === undefined ? undefined : `${host} is no service's address: ${wrong}`;
}
