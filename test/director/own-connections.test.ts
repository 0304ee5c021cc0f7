import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { askFrom, createLan, type Lan, serverHost, VIP } from "#kit/lan.ts";
import { configurationOf, SERVER_PORT, startDirector, startServers } from "#kit/lan-services.ts";
import { FULLNAT, viewOf } from "#kit/lan-ways.ts";
import { inNetns, noNetns, noProgram, runInNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { until } from "#kit/until.ts";

/*
 * The director's machine has connections of its own to the servers that FULLNAT leads to, from the
 * same address: proxies of layer 7 on it, checks.
 */

const COUNT = 2000;

/** Opens so many, a few at a time, and keeps them. */
const HOLD = `
const net = require("node:net");
const [host, port, count] = process.argv.slice(1);
let begun = 0;
const begin = () => {
  if (begun === Number(count)) return;
  begun++;
  const socket = net.connect({ host, port: Number(port) }, begin);
  socket.on("error", (error) => console.log(error.message));
};
for (let i = 0; i < 20; i++) begin();
`;

function hold(owner: Owner, lan: Lan): void {
  const command = [...inNetns(lan.director), "prlimit", "--nofile=8192:8192", process.execPath];
  const words = ["-e", HOLD, "--", serverHost(4, 0), String(SERVER_PORT), String(COUNT)];
  const [program, ...rest] = [...command, ...words];
  const child = spawn(program!, rest, { stdio: ["ignore", "inherit", "inherit"] });
  owner.after(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
}

const established = (netns: string, ...filter: readonly string[]): number =>
  runInNetns(netns, "ss", "-tnH", "state", "established", ...filter)
    .split("\n")
    .filter((line) => line.trim() !== "").length;

const skip = noNetns() || noBpf() || noProgram("ss", "prlimit");

describe("FULLNAT beside connections of the machine itself", { skip }, () => {
  for (const localPorts of ["auto", "all"]) {
    test(`localPorts ${localPorts}: none breaks another`, async (t) => {
      const lan = createLan(t, "director", 1);
      await startServers(t, lan);
      const text = configurationOf(lan, FULLNAT, {
        servers: ["a"],
        director: `  localPorts: ${localPorts}`,
      });
      const weir = await startDirector(t, lan, text);
      const ask = (): string[] => askFrom(lan.client, "tcp", VIP[4], FULLNAT.port, 150);
      const all = Array.from({ length: 150 }, () => `a ${lan.locals[0]}`);
      // With `all` the kernel may give a port away that a flow has: there they come first.
      if (localPorts === "auto") assert.deepEqual(ask(), all);
      hold(t, lan);
      const own = (): number => established(lan.director, "dst", serverHost(4, 0));
      const theirs = (): number =>
        established(lan.servers[0]!, "dst", lan.locals[0]!, "sport", "=", `:${SERVER_PORT}`);
      await until("its own connections", () => own() === COUNT);
      assert.deepEqual(ask(), all);
      assert.equal(own(), COUNT);
      assert.equal(theirs(), COUNT);
      const { incidents } = await viewOf(weir);
      assert.equal(incidents?.NO_PORT, 0);
    });
  }
});
