/**
 * Opens many connections to a port of 127.0.0.1, asks one thing on each, prints a line when all are
 * answered, and holds them until its standard input ends. Comes from 127.0.0.2, so that the local
 * ports of other load stay free.
 */
import { connect } from "node:net";

const [port, count] = process.argv.slice(2).map(Number);
const REQUEST = Buffer.from("GET /1k HTTP/1.1\r\nHost: idle.example\r\n\r\n");
/** Connections being set up at a time. */
const WIDTH = 128;

let opened = 0;
let answered = 0;

function open(): void {
  if (opened === count) return;
  opened++;
  const socket = connect({ port: port!, host: "127.0.0.1", localAddress: "127.0.0.2" });
  let bytes = 0;
  socket.on("connect", () => socket.write(REQUEST));
  socket.on("data", (chunk) => {
    bytes += chunk.length;
    // A head of at least one byte and a body of 1024: whole as soon as no more comes.
    if (bytes < 1024 || socket.readableFlowing === null) return;
    socket.pause();
    answered++;
    if (answered === count) process.stdout.write("ready\n");
    open();
  });
  socket.on("error", (error) => fail(error.message));
  socket.on("close", () => fail("closed by the other side"));
}

function fail(why: string): void {
  process.stderr.write(`an idle connection failed after ${answered} answers: ${why}\n`);
  process.exit(1);
}

process.stdin.on("end", () => process.exit(0)).resume();
for (let i = 0; i < WIDTH; i++) open();
