import { spawn } from "node:child_process";
import { once } from "node:events";
import { inNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";

/*
 * A server of FTP (RFC 959, 2428) with one file, `name`, that has the name of the server in it.
 * Data goes in passive mode, by a port that is this server's alone.
 */

const SERVER = `
const [, name, data] = process.argv;
const net = require("node:net");
const file = name + "\\n";
const answers = {
  USER: "331 any word", PASS: "230 come in", PWD: '257 "/"', TYPE: "200 so be it",
  EPSV: "229 Entering Extended Passive Mode (|||" + data + "|)", SIZE: "213 " + file.length,
};
let taker;
net.createServer((socket) => {
  socket.on("error", () => {});
  if (taker) taker(socket); else waiting.push(socket);
}).listen(Number(data), "::");
const waiting = [];
const dataSocket = () => new Promise((done) => {
  if (waiting.length > 0) return done(waiting.shift());
  taker = (socket) => { taker = undefined; done(socket); };
});
net.createServer((socket) => {
  let text = "";
  const say = (line) => socket.write(line + "\\r\\n");
  socket.setEncoding("latin1").on("error", () => {});
  socket.on("data", async (part) => {
    text += part;
    for (let end; (end = text.indexOf("\\r\\n")) >= 0; ) {
      const [word, path] = text.slice(0, end).split(" ");
      text = text.slice(end + 2);
      if (word === "QUIT") { say("221 bye"); socket.end(); }
      else if (word === "RETR" && path === "name") {
        const way = await dataSocket();
        say("150 here it is");
        way.end(file, () => say("226 that was it"));
      } else say(answers[word] ?? "502 unknown");
    }
  });
  say("220 " + name);
}).listen(21, "::", () => console.log("listening"));
`;

/** Starts one in a namespace, with a port for its data; it is gone when the owner ends. */
export async function startFtp(
  owner: Owner,
  netns: string,
  name: string,
  data: number,
): Promise<void> {
  const [program, ...words] = [...inNetns(netns), process.execPath, "-e", SERVER];
  const child = spawn(program!, [...words, "--", name, String(data)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  owner.after(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
}
