import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { freePort } from "./free-port.ts";
import type { Owner } from "./owner.ts";
import { killNow } from "./processes.ts";

/** A server so plain that it is there in a moment: every request gets its name. */
const PROGRAM = `
const [, port, name] = process.argv;
const body = name + "\\n";
const answer = "HTTP/1.1 200 OK\\r\\nContent-Length: " + body.length + "\\r\\n\\r\\n" + body;
require("node:net")
  .createServer((socket) => {
    let text = "";
    socket.setEncoding("latin1").setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (part) => {
      text += part;
      for (let end; (end = text.indexOf("\\r\\n\\r\\n")) >= 0; text = text.slice(end + 4)) {
        socket.write(answer);
      }
    });
  })
  .listen(Number(port), "127.0.0.1", () => console.log("listening"));
`;

/** An HTTP server in a process of its own, to be killed, stopped and started again. */
export class ServerProcess {
  readonly name: string;
  readonly port: number;
  #child: ChildProcess | undefined;

  private constructor(name: string, port: number) {
    this.name = name;
    this.port = port;
  }

  static async start(t: Owner, name: string): Promise<ServerProcess> {
    const server = new ServerProcess(name, await freePort());
    t.after(() => server.#child?.kill("SIGKILL"));
    await server.start();
    return server;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, ["-e", PROGRAM, "--", String(this.port), this.name], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child = child;
    const failed = once(child, "exit").then(([code]) => {
      throw new Error(`server ${this.name} ended with ${code} before it listened`);
    });
    await Promise.race([once(child.stdout, "data"), failed]);
    failed.catch(() => {});
  }

  /** Resolves when it is dead and its connections are reset. */
  kill(): Promise<void> {
    return killNow(this.pid);
  }

  /** Its port goes on accepting connections, and nobody answers. */
  freeze(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  thaw(): void {
    process.kill(this.pid, "SIGCONT");
  }
}
