import { spawn } from "node:child_process";
import { once } from "node:events";
import { inNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";

/** SYNs from addresses drawn at random, as fast as it goes, for so long; how many were sent. */
export async function synFlood(
  owner: Owner,
  netns: string,
  host: string,
  port: number,
  seconds: number,
): Promise<number> {
  // What hping3 sends is counted where it ends in order.
  const hping = ["hping3", "--flood", "--rand-source", "-q", "-S", "-p", String(port), host];
  const [program, ...words] = [...inNetns(netns), "timeout", "-s", "INT", "-k", "1"];
  const child = spawn(program!, [...words, String(seconds), ...hping], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  owner.after(() => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // It is over.
    }
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await once(child, "close");
  return Number(/(\d+) packets transmitted/.exec(said)?.[1] ?? 0);
}
