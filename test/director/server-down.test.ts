import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, type TestContext, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { askFrom, createLan, HeldConnection, type Lan, VIP } from "#kit/lan.ts";
import { configurationOf, NAMES, startDirector, startServers } from "#kit/lan-services.ts";
import { NAT } from "#kit/lan-ways.ts";
import { inNetns, noNetns, runProgram } from "#kit/netns.ts";
import { killNow } from "#kit/processes.ts";
import { until } from "#kit/until.ts";

/* What has been at a server before is not sent to it when it takes nothing any more. */

const CHECK = "{ type: tcp, interval: 100ms, fall: 2, rise: 1, timeout: 500ms }";

/** A flow that does not end: from one port, always; prints who answers. */
const FLOW = `
const [, host, port] = process.argv;
const socket = require("node:dgram").createSocket("udp4");
socket.on("message", (name) => console.log(String(name).split(" ")[0])).on("error", () => {});
socket.bind(5555, () => setInterval(() => socket.send("who", Number(port), host), 50));
`;

/** Servers answer with their name and the client's address. */
const nameOf = (answer: string): string => answer.split(" ")[0]!;

/** Who has answered the flow last. */
function startFlow(t: TestContext, lan: Lan): () => string {
  const [program, ...words] = [...inNetns(lan.client), process.execPath, "-e", FLOW, "--"];
  const child = spawn(program!, [...words, VIP[4], String(NAT.port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  let last = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    last = text.trim().split("\n").at(-1)!;
  });
  return () => last;
}

describe("a server that takes nothing any more", { skip: noNetns() || noBpf() }, () => {
  test("down, or in maintenance: persistent clients go elsewhere, none is refused", async (t) => {
    const lan = createLan(t, "director");
    const servers = await startServers(t, lan);
    const wanted = { check: CHECK, service: ", persistence: 5m" };
    const weir = await startDirector(t, lan, configurationOf(lan, NAT, wanted));
    const ask = (count = 1): string[] =>
      askFrom(lan.client, "tcp", VIP[4], NAT.port, count).map(nameOf);
    const maintained = ask()[0]!;
    assert.deepEqual(new Set(ask(3)), new Set([maintained]), "where it has been");
    await weir.cli("server", "drain", `v4/${maintained}`);
    assert.deepEqual(ask(), [maintained], "one that drains has its clients");
    await weir.cli("server", "maint", `v4/${maintained}`);
    let now = maintained;
    await until("it has another", () => {
      now = ask()[0]!;
      return now !== maintained;
    });
    assert.deepEqual(new Set(ask(3)), new Set([now]));
    await killNow(servers[NAMES.indexOf(now)]!.pid!);
    await weir.said(/is DOWN/);
    const [left] = NAMES.filter((name) => name !== now && name !== maintained);
    await until("it has the third", () => ask()[0] === left);
    assert.deepEqual(ask(3), [left, left, left]);
  });

  test("killOnDown: its connections end, a flow of UDP goes elsewhere", async (t) => {
    const lan = createLan(t, "director", 2);
    await startServers(t, lan);
    const text = configurationOf(lan, NAT, { check: CHECK, servers: ["a", "b"] });
    const weir = await startDirector(
      t,
      lan,
      text.replaceAll("{ balance:", "{ killOnDown: true, balance:"),
    );
    const served = startFlow(t, lan);
    await until("the flow has a server", () => served() !== "");
    const first = served();
    const held: HeldConnection[] = [];
    for (let i = 0; i < 2; i++)
      held.push(await HeldConnection.open(t, lan.client, VIP[4], NAT.port));
    const before = (await Promise.all(held.map((one) => one.ask()))).map(nameOf);
    // A machine that is gone says nothing, other than one whose program has ended.
    const gone = lan.servers[NAMES.indexOf(first)]!;
    runProgram("ip", "-n", gone, "link", "set", lan.device, "down");
    await weir.said(/is DOWN/);
    await until("the flow has another", () => served() !== first);
    const other = held[before.indexOf(served())];
    assert.equal(nameOf(await other!.ask()), served(), "the other's connections go on");
    const ended = held[before.indexOf(first)];
    assert.match(await ended!.ask(), /^ECONNRESET/);
  });
});
