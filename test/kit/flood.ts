import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";

/** Opens connections, some at a time, asks once on each, and tells how it went. */
const PROGRAM = `
const { connect } = require("node:net");
const [, port, count] = process.argv;
let made = 0, answered = 0, ended = 0, begun = 0;
const next = () => {
  if (begun === Number(count)) return;
  begun++;
  const socket = connect({ port: Number(port), host: "127.0.0.1" });
  let over = false;
  const go = () => { if (!over) { over = true; next(); } };
  socket.on("connect", () => { made++; socket.write("GET /flood HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"); });
  socket.once("data", () => { answered++; go(); });
  socket.on("error", () => {});
  socket.on("close", () => { ended++; go(); });
};
for (let i = 0; i < 200; i++) next();
setInterval(() => process.send({ made, answered, ended }), 50);
process.on("disconnect", () => process.exit());
`;

export interface Flooded {
  /** Connections that were made, that got an answer, that have ended. */
  readonly made: number;
  readonly answered: number;
  readonly ended: number;
}

/** A process that makes thousands of connections from an address of its own and keeps them. */
export class Flood {
  now: Flooded = { made: 0, answered: 0, ended: 0 };
  readonly #child: ChildProcess;

  constructor(t: TestContext, port: number, count: number) {
    const words = ["-e", PROGRAM, "--", String(port), String(count)];
    this.#child = spawn(process.execPath, words, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", (message) => {
      this.now = message as Flooded;
    });
    t.after(() => this.#child.kill("SIGKILL"));
  }

  /** Resolves when it and all its connections are gone. */
  async stop(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}
