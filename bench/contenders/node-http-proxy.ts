import { createWriteStream } from "node:fs";
import http from "node:http";

const [port, backendPort, logFile] = process.argv.slice(2);
const log = createWriteStream(logFile!, { flags: "a" });
const agent = new http.Agent({ keepAlive: true, maxSockets: 1024, maxFreeSockets: 512 });
const counts = { requests: 0, failed: 0, bytes: 0 };

const server = http.createServer((request, response) => {
  const began = Date.now();
  const ip = request.socket.remoteAddress ?? "";
  const before = request.headers["x-forwarded-for"];
  const headers = { ...request.headers, "x-forwarded-for": before ? `${before}, ${ip}` : ip };
  delete headers.connection;
  const { method, url: path } = request;
  const upstream = http.request(
    { agent, host: "127.0.0.1", port: Number(backendPort), method, path, headers, timeout: 60_000 },
    (answer) => {
      const { connection: _, "keep-alive": __, ...kept } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, kept);
      answer.pipe(response);
    },
  );
  upstream.on("error", () => {
    counts.failed++;
    if (!response.headersSent) response.writeHead(502);
    response.end();
  });
  request.pipe(upstream);
  response.on("finish", () => {
    counts.requests++;
    counts.bytes += Number(response.getHeader("content-length") ?? 0);
    const line = `${ip} - - [${new Date(began).toISOString()}] "${method} ${path}"`;
    log.write(`${line} ${response.statusCode} ${Date.now() - began}\n`);
  });
});
server.keepAliveTimeout = 300_000;
server.headersTimeout = 10_000;
server.requestTimeout = 60_000;
server.listen(Number(port), "127.0.0.1", 4096);
