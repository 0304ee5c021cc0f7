import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileConfig } from "../compile.ts";
import { writeConfig } from "../write.ts";
import { ipvsadm } from "./ipvsadm.ts";

const INTERFACES = ["eth0"];
const read = (text: string) => ipvsadm.read(text, { interfaces: INTERFACES });

/** What there is to say, as `line severity: message`. */
const faultsOf = (text: string): string[] =>
  read(text).faults.map(({ line, severity, message }) => `${line} ${severity}: ${message}`);

const MARKS =
  "1 warning: filters of tc have to set the marks that -f names: rules of iptables and nftables set them too late";

/** The configuration as text, which is right in every way. */
function imported(text: string): string {
  const { document, faults } = read(text);
  assert.deepEqual(
    faults.filter((fault) => fault.severity === "error"),
    [],
    text,
  );
  const config = writeConfig(document, []);
  const errors = compileConfig([{ file: "f", text: config }]).faults.filter(
    (fault) => fault.severity === "error",
  );
  assert.deepEqual(errors, [], `${text}\n${config}`);
  return config;
}

test("rules of every kind become services", () => {
  const config = imported(`
# of a director somewhere
-A -t 192.0.2.1:80 -s wlc -p 360 -M 255.255.255.0
-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 3 -x 100 -y 50
ipvsadm -a -t 192.0.2.1:http -r 10.0.0.2 -m
/sbin/ipvsadm --add-service -f 7 --ipv6 --scheduler=sh -b sh-port,sh-fallback   # a mark
-a -f 7 -6 -r [fd00::1]:0 -i -w 1 --tun-type gue --tun-port 6081 \\
   --tun-csum
-A -t 192.0.2.1:0 -p -s rr
-a -t 192.0.2.1:0 -r 10.0.0.9:0
-A -u '192.0.2.1:domain' -o -s mh
-a -u 192.0.2.1:53 -r 10.0.0.3:53 -g -w0
--set 1000 0 30
`);
  assert.equal(
    config,
    `director:
  interfaces: [eth0]
  timeouts:
    tcp: 1000s
    udp: 30s

services:
  tcp-192.0.2.1-80:
    bind: 192.0.2.1:80
    method: nat
    backend: tcp-192.0.2.1-80
    persistence: { timeout: 360s, mask: 24 }
  mark-7-ipv6:
    mark: 7
    family: ipv6
    method: tun
    tunnel: { type: gue, port: 6081 }
    backend: mark-7-ipv6
  tcp-192.0.2.1-all:
    bind: [192.0.2.1:1-79, 192.0.2.1:81-65535]
    method: dr
    backend: tcp-192.0.2.1-all
    persistence: 300s
  udp-192.0.2.1-53:
    bind: 192.0.2.1:53
    protocol: udp
    method: dr
    backend: udp-192.0.2.1-53
    onePacket: true

backends:
  tcp-192.0.2.1-80:
    balance: wlc
    servers:
      10.0.0.2-80: 10.0.0.2:80
      10.0.0.1-8080: { address: 10.0.0.1:8080, weight: 3, maxConnections: 100, minConnections: 50 }
  mark-7-ipv6:
    balance: { type: sh, fallback: true, port: true }
    servers: { fd00::1: "[fd00::1]:0" }
  tcp-192.0.2.1-all:
    balance: rr
    servers: { 10.0.0.9: 10.0.0.9:0 }
  udp-192.0.2.1-53:
    balance: mh
    servers: { 10.0.0.3-53: { address: 10.0.0.3:53, weight: 0 } }
`,
  );
});

test("rules that mix methods: the service has that of most servers, the others say their own", () => {
  const config = imported(`
-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m
-a -t 192.0.2.1:80 -r 10.0.0.2:81 -i --tun-type gue --tun-port 6081
-a -t 192.0.2.1:80 -r 10.0.0.3:80 -i -w 2
-a -t 192.0.2.1:80 -r [fd00::4]:80 -i
-a -t 192.0.2.1:80 -r 10.0.0.5:80 -g
-A -u 192.0.2.1:53 -s rr
-a -u 192.0.2.1:53 -r 10.0.0.1:53 -i --tun-type gre
-a -u 192.0.2.1:53 -r 10.0.0.2:53 -i
`);
  const part = (name: string): string =>
    config.slice(config.indexOf(`${name}:`, config.indexOf("backends:"))).split("\n\n")[0]!;
  assert.match(config, /bind: 192\.0\.2\.1:80\n {4}method: tun\n {4}backend/);
  assert.match(config, /protocol: udp\n {4}method: tun\n {4}tunnel: gre\n {4}backend/);
  for (const line of [
    "10.0.0.1-8080: { address: 10.0.0.1:8080, method: nat }",
    "10.0.0.2-80: { address: 10.0.0.2:80, tunnel: { type: gue, port: 6081 } }",
    "10.0.0.3-80: { address: 10.0.0.3:80, weight: 2 }",
    'fd00::4-80: "[fd00::4]:80"',
    "10.0.0.5-80: { address: 10.0.0.5:80, method: dr }",
  ]) {
    assert.ok(part("tcp-192.0.2.1-80").includes(line), `${line} in ${config}`);
  }
  const dns = part("udp-192.0.2.1-53");
  assert.ok(dns.includes("10.0.0.2-53: { address: 10.0.0.2:53, tunnel: ipip }"), config);
  assert.ok(dns.includes("10.0.0.1-53: 10.0.0.1:53"), config);
  const stateless = `-A -u 192.0.2.1:53 -o
-a -u 192.0.2.1:53 -r 10.0.0.1:53 -g
-a -u 192.0.2.1:53 -r 10.0.0.2:53 -m`;
  assert.deepEqual(faultsOf(stateless), [
    "1 error: -o keeps no connections, by which -m finds answers here",
  ]);
});

const SERVICE = "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g\n";

test("calls of SIP: for IPVS they are of an address, where no mask says otherwise", () => {
  const config = imported(`
-A -u 192.0.2.1:5060 -s rr -p 60 --pe sip -o
-a -u 192.0.2.1:5060 -r 10.0.0.1:5060 -m
-A -u [2001:db8::1]:5060 -p 60 -M 64 --pe sip
-A -u 192.0.2.2:5060 -p 60 -M 0.0.0.0 --pe=sip
-A -f 7 -p --pe sip
`);
  assert.deepEqual(config.match(/persistence: .*/g), [
    "persistence: { by: call-id, timeout: 60s, mask: 32 }",
    "persistence: { by: call-id, timeout: 60s, mask6: 64 }",
    "persistence: { by: call-id, timeout: 60s }",
    "persistence: { by: call-id, timeout: 300s, mask: 32 }",
  ]);
  assert.match(config, /mark: 7\n {4}protocol: udp\n/);
  const marked = "-A -f 7 -p --pe sip -o\n-a -f 7 -r 10.0.0.1:0 -m";
  assert.deepEqual(faultsOf(marked), [
    MARKS,
    "1 error: -o keeps no connections, by which -m finds answers here",
    "1 warning: -o is of UDP: other protocols with the mark are not taken",
  ]);
  assert.deepEqual(faultsOf("-A -f 7 -p --pe sip\n-a -f 7 -r 10.0.0.1:0 -g"), [
    MARKS,
    "1 warning: --pe sip is of UDP: other protocols with the mark are not taken",
  ]);
});

test("what cannot be taken over is said with its line", () => {
  const lines: readonly [line: string, fault: RegExp][] = [
    ["-A -t 192.0.2.1:80", /^3 error: there is such a service already/],
    ["-A -t 192.0.2.2:80 -s best", /error: IPVS has no scheduler "best"/],
    ["-A -t 192.0.2.2:80 --pe sip -p", /error: --pe sip is for UDP alone/],
    ["-A -u 192.0.2.2:80 --pe rtp -p", /error: IPVS has one engine, sip, and no rtp/],
    ["-A -u 192.0.2.2:80 --pe sip", /warning: --pe is for persistence, and there is no -p/],
    ["-A -u 192.0.2.2:80 -p -M 0.0.0.0", /error: -M takes a netmask such as/],
    ["-A -t 192.0.2.2:80 -p 0", /error: -p takes seconds from 1/],
    ["-A -t 192.0.2.2:80 -p 5 -M 255.0.255.0", /error: -M takes a netmask such as/],
    ["-A -t [2001:db8::1]:80 -p 5 -M 129", /error: -M takes a prefix from 1 to 128/],
    ["-A -t 192.0.2.2:80 -M 255.255.255.0", /warning: -M is for persistence/],
    ["-A -t 192.0.2.2:80 -s sh -b fast", /error: the scheduler's flag "fast" is not known/],
    ["-A -t 192.0.2.2:80 -s rr -b sh-port", /warning: rr does not know the flag sh-port/],
    ["-A -t 192.0.2.2:80 -o", /error: -o is for UDP alone/],
    ["-A -t 192.0.2.2", /error: port 0, which is all of them, is for services with -p alone/],
    [
      "-A -t www.example.com:80",
      /error: www\.example\.com is a name, and a service needs an address/,
    ],
    ["-A -t 224.0.0.1:80", /error: 224\.0\.0\.1 is no service's address/],
    ["-A -t 192.0.2.2:gopher", /error: the port's name "gopher" is not known here/],
    ["-A -t 192.0.2.2:70000", /error: a port is from 0 to 65535, not 70000/],
    ["-A -t 192.0.2.2.3:80", /error: .* neither an IP address nor a name/],
    ["-A -f 0", /error: "0" is no mark/],
    ["-A", /error: one of -t, -u, --sctp-service and -f says which/],
    ["-A -t 192.0.2.2:80 -f 1", /error: one of -t, -u/],
    ["-A -A -t 192.0.2.2:80", /error: -A comes twice/],
    ["-A -D -t 192.0.2.2:80", /error: one command at a time, not --add-service and --delete/],
    ["-t 192.0.2.2:80", /error: there is no command/],
    ["-A -t", /error: -t needs a value/],
    ["-A -t 192.0.2.2:80 --frobnicate", /error: ipvsadm has no option --frobnicate/],
    ["-A -t 192.0.2.2:80 -q", /error: ipvsadm has no option -q/],
    ["-A -t 192.0.2.2:80 --ops=1", /error: --ops takes no value/],
    ["-A -t 192.0.2.2:80 more", /error: nobody knows what "more" is for/],
    ["-A -t '192.0.2.2:80", /error: a quote has no end/],
    ["-D -t 192.0.2.2:80", /error: there is no such service/],
    ["-a -t 192.0.2.2:80 -r 10.0.0.1:80", /error: there is no such service/],
    ["-a -t 192.0.2.1:80", /error: -r says which server is meant/],
    ["-a -t 192.0.2.1:80 -r 10.0.0.1:80", /error: there is such a server already/],
    ["-e -t 192.0.2.1:80 -r 10.0.0.2:80", /error: there is no such server to edit/],
    ["-d -t 192.0.2.1:80 -r 10.0.0.2:80", /error: there is no such server/],
    ["-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -m", /error: one of -g, -i and -m/],
    ["-a -t 192.0.2.1:80 -r 10.0.0.2:81", /warning: the server's port is the service's/],
    ["-a -t 192.0.2.1:80 -r [fd00::1]:80", /error: IPv4 goes to a server of IPv6 with -i alone/],
    ["-a -t 192.0.2.1:80 -r web2:80", /warning: the name web2 will be looked up/],
    ["-a -t 192.0.2.1:80 -r 10.0.0.2:80 -w 1000", /warning: weights go up to 256 here/],
    ["-a -t 192.0.2.1:80 -r 10.0.0.2:80 -w -1", /error: -w needs a value/],
    ["-a -t 192.0.2.1:80 -r 10.0.0.2:80 -x 70000", /error: --u-threshold takes a number from 0/],
    ["-a -t 192.0.2.1:80 -r 10.0.0.2:80 -y 5", /warning: -y is for servers with -x/],
    ["-a -t 192.0.2.1:80 -r 10.0.0.2:80 -x 4 -y 5", /warning: -y is above -x/],
    ["-a -t 192.0.2.1:80 -r 10.0.0.2:80 --tun-type vxlan", /error: --tun-type is one of ipip/],
    ["-a -t 192.0.2.1:80 -r 10.0.0.2:80 --tun-type gue", /warning: only -i has a tunnel/],
    ["-a -t 192.0.2.1:80 -r 10.0.0.2:80 --tun-csum", /warning: --tun-csum is not there/],
    ["--set 1 2", /error: --set takes three times/],
    ["--start-daemon master", /error: --start-daemon needs --mcast-interface/],
    [
      "--start-daemon master --mcast-interface eth1 --mcast-group 10.0.0.1",
      /error: --mcast-group takes/,
    ],
    ["--start-daemon slave --mcast-interface eth1", /error: a daemon is master or backup/],
    ["--start-daemon master --mcast-interface eth1 --syncid 256", /error: --syncid takes a number/],
    ["--stop-daemon master", /warning: left out: there is no such daemon/],
    ["-Ln --stats", /warning: left out: it only prints/],
    ["-Z", /warning: left out: counters/],
    ["iptables -L", /warning: left out: iptables is not ipvsadm/],
  ];
  for (const [line, fault] of lines) {
    const faults = faultsOf(SERVICE + line);
    assert.ok(
      faults.some((text) => fault.test(text)),
      `${line}: ${faults.join("; ")}`,
    );
  }
});

test("nothing to import, no server, no interface", () => {
  assert.deepEqual(faultsOf("# nothing\n"), ["1 error: there is no service in it"]);
  assert.deepEqual(faultsOf("\n-A -t 192.0.2.1:80"), [
    "2 warning: it has no server: clients are refused",
  ]);
  imported("-A -t 192.0.2.1:80");
  const { faults, document } = ipvsadm.read(SERVICE, { interfaces: [] });
  assert.match(faults[0]!.message, /director\.interfaces is eth0/);
  assert.deepEqual(document["director"], { interfaces: ["eth0"] });
});

test("large rule sets get tables that hold them", () => {
  const many = Array.from({ length: 1500 }, (_, i) => {
    const address = `192.0.${i >> 8}.${i & 255}:80`;
    return `-A -t ${address}\n-a -t ${address} -r 10.0.0.1:80 -g`;
  });
  assert.ok(imported(many.join("\n")).includes("    services: 1500\n    backends: 1500\n"));
});

test("no text is too strange", () => {
  const words = [
    ...[
      "-A",
      "-a",
      "-E",
      "-e",
      "-D",
      "-d",
      "-C",
      "-L",
      "-S",
      "-R",
      "-Z",
      "--set",
      "-t",
      "-u",
      "-f",
    ],
    ...["-r", "-s", "-p", "-M", "-b", "-g", "-i", "-m", "-w", "-x", "-y", "-o", "-6", "-n", "--pe"],
    ...["--tun-type", "--tun-port", "--tun-csum", "--sctp-service", "--start-daemon", "--", "-"],
    ...["192.0.2.1:80", "[::1]:80", "10.0.0.1", "::", "rr", "gue", "1", "300", "-1", "__proto__"],
    ...["255.255.255.0", "'", '"', "\\", "#", "\n", "=", "sh-port", "ipvsadm", "sudo", "\0", "é"],
  ];
  const line = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 8 })), {
    maxLength: 12,
  });
  const text = fc
    .array(
      line.map((all) => all.join(" ")),
      { maxLength: 12 },
    )
    .map((l) => l.join("\n"));
  fc.assert(
    fc.property(fc.oneof(text, fc.string({ unit: "binary" })), (some) => {
      const { document, faults } = read(some);
      if (faults.some(({ severity }) => severity === "error")) return;
      const config = writeConfig(document, []);
      const wrong = compileConfig([{ file: "f", text: config }]).faults;
      assert.deepEqual(
        wrong.filter(({ severity }) => severity === "error"),
        [],
        `${some}\n${config}`,
      );
    }),
    { numRuns: 3000 },
  );
});

test("sync daemons become director.sync", () => {
  const service = "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -m\n";
  const syncOf = (lines: string): string | undefined =>
    / {2}sync:.*?(?=\n\n)/s.exec(imported(service + lines))?.[0];
  const master = "--start-daemon master --mcast-interface eth1 --syncid 7\n";
  assert.equal(syncOf(""), undefined);
  assert.match(syncOf(master)!, /interface: eth1.*id: 7.*role: master/s);
  const backup = "--start-daemon backup --mcast-interface eth1 --mcast-group ff02::51";
  assert.match(syncOf(`${backup} --mcast-ttl 3 --mcast-port 9000 --sync-maxlen 1400\n`)!, /backup/);
  assert.match(syncOf(`${master}${backup}`)!, /role: both/);
  assert.equal(syncOf(`${master}--stop-daemon master`), undefined);
});

test("settings of the kernel's IPVS become keywords of director", () => {
  const rule = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g\n";
  const { director } = read(`${rule}
# of sysctl.conf
net.ipv4.vs.sloppy_tcp = 1
net.ipv4.vs.sloppy_sctp = 1
net.ipv4.vs.expire_nodest_conn=1
net/ipv4/vs/conn_reuse_mode = 2
sysctl -qw net.ipv4.vs.secure_tcp=3
/sbin/sysctl -w net.ipv4.vs.drop_entry=1
-net.ipv4.vs.drop_packet = 2
echo 5 > /proc/sys/net/ipv4/vs/am_droprate
net.ipv4.vs.expire_quiescent_template = 0
`).document as { director: object };
  assert.deepEqual(director, {
    interfaces: INTERFACES,
    sloppyTcp: true,
    sloppySctp: true,
    expireNodest: true,
    connReuse: 2,
    secureTcp: "always",
    dropEntry: "auto",
    dropPacket: "auto",
    amDropRate: 5,
  });
});

test("settings without a keyword are remarked where they make a difference", () => {
  const rule = "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g\n";
  const asKernelsHaveIt = `
net.ipv4.vs.cache_bypass = 0
net.ipv4.vs.amemthresh = 1024
net.ipv4.vs.nat_icmp_send = 0
net.ipv4.vs.pmtu_disc = 1
net.ipv4.vs.ignore_tunneled = 0
net.ipv4.vs.snat_reroute = 1
net.ipv4.vs.conntrack = 0
net.ipv4.vs.schedule_icmp = 0
net.ipv4.vs.lblcr_expiration = 86400
net.ipv4.vs.sync_threshold = 3\t50
net.ipv4.vs.est_cpulist =
`;
  assert.deepEqual(faultsOf(rule + asKernelsHaveIt), []);
  assert.deepEqual(
    faultsOf(`${rule}net.ipv4.vs.conntrack = 1
net.ipv4.vs.cache_bypass = 1
net.ipv4.vs.secure_tcp = 4
net.ipv4.vs.conn_reuse_mode = -1
net.ipv4.vs.am_droprate = 0
net.ipv4.vs.no_such_thing = 3
`),
    [
      "3 warning: left out: conntrack is not there: netfilter sees no packet that is directed",
      "4 warning: left out: cache_bypass is not there: services have onNoServer: bypass",
      "5 warning: left out: secure_tcp is not to be 4 here",
      "6 warning: left out: conn_reuse_mode is not to be -1 here",
      "7 warning: left out: am_droprate is not to be 0 here",
      "8 warning: left out: there is nothing like no_such_thing here",
    ],
  );
});
