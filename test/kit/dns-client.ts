import { runClient } from "./lan-client.ts";

/** Asks for who.test, some at a time; prints the addresses that come, or `nothing`. */
const CLIENT = `
const [, host, port, count, ports] = process.argv;
const dgram = require("node:dgram");
const question = (id) => {
  const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, Buffer.from("\\x03who\\x04test\\0\\0\\x01\\0\\x01", "latin1")]);
};
const answers = [], family = host.includes(":") ? "udp6" : "udp4";
const ask = (socket, id) => new Promise((done) => {
  const end = (text) => { clearTimeout(timer); socket.off("message", hear); answers[id] = text; done(); };
  const hear = (text) => { if (text.readUInt16BE(0) === id) end([...text.subarray(-4)].join(".")); };
  const timer = setTimeout(() => end("nothing"), 5000);
  socket.on("message", hear).send(question(id));
});
const open = () => new Promise((done) => {
  const socket = dgram.createSocket(family).on("error", () => {});
  socket.connect(Number(port), host, () => done(socket));
});
// They stay open: no port is used twice.
const sockets = [];
let next = 0;
const worker = async (shared) => {
  for (let id = next++; id < Number(count); id = next++) {
    const socket = shared ?? await open();
    await ask(socket, id);
    sockets.push(socket);
  }
};
(async () => {
  const shared = ports === "one port" ? await open() : undefined;
  await Promise.all(Array.from({ length: 8 }, () => worker(shared)));
  console.log(JSON.stringify(answers));
  process.kill(process.pid, "SIGKILL");
})();
`;

/** Answers to so many questions for one name. */
export function askNames(
  netns: string,
  host: string,
  port: number,
  count: number,
  ports: "one port" | "a port each",
): string[] {
  const words = [host, String(port), String(count), ports];
  return runClient(netns, CLIENT, words) as string[];
}
