import { encodeSockaddr } from "#io/sockaddr.ts";
import { boundAddress, closeFd, listenOn } from "#io/sockets.ts";
import { writeAddress } from "#plan/address-cell.ts";
import { BACKEND, Board, type BoardSizes, boardBytes, SERVER, WORKER } from "#plan/board.ts";
import type { Plan } from "#plan/plan.ts";
import { Loop } from "#proxy/loop.ts";
import type { FromWorker } from "#proxy/protocol.ts";
import { planFromText } from "./plan.ts";

const SIZES: BoardSizes = {
  workers: 1,
  frontends: 16,
  backends: 16,
  servers: 64,
  logBytes: 1 << 20,
};

/** A worker's loop turned by this process's own event loop, with real sockets on both sides. */
export interface TestProxy {
  readonly loop: Loop;
  readonly board: Board;
  readonly plan: Plan;
  /** Ports the binds got, in the order they are written. */
  readonly ports: readonly number[];
  /** Port of the first bind. */
  readonly port: number;
  readonly messages: FromWorker[];
  /** Complete lines of the access log so far. */
  log(): string[];
  /** Swaps to another configuration; binds are matched by what is written. */
  reload(text: string): Plan;
  /** Sets what health would: a server's effective weight, or its place in the whole. */
  server(
    backend: string,
    server: string,
    cells: Partial<Record<keyof typeof SERVER, number>>,
  ): void;
  /** Ends everything at once and says what was left over. */
  stop(): { connections: number; exchanges: number; pageBytes: number };
}

/** Gives every server of the Plan its address and weight, as health does at a start. */
function publish(board: Board, plan: Plan): void {
  const memory = new Uint8Array(128);
  for (const backend of plan.backends) {
    for (const server of backend.servers) {
      const row = server.slot * SERVER.size;
      const bytes = encodeSockaddr(server.address, memory, 0);
      writeAddress(board, server.slot, memory, 0, bytes);
      board.servers[row + SERVER.EFFECTIVE] = server.backup ? 0 : server.weight * 256;
      board.servers[row + SERVER.WEIGHT] = server.weight;
      board.servers[row + SERVER.MAX_CONNECTIONS] = server.maxConnections;
    }
    Atomics.add(board.backends, backend.slot * BACKEND.size + BACKEND.EPOCH, 1);
  }
}

/** Binds must be written with port 0 so that tests do not meet. */
export function startProxy(text: string, driver: "io_uring" | "epoll" = "io_uring"): TestProxy {
  const configured = (body: string): Plan => planFromText(`engine: { driver: ${driver} }\n${body}`);
  const plan = configured(text);
  const board = new Board(new SharedArrayBuffer(boardBytes(SIZES)), SIZES);
  const fds = new Map<string, number>();
  const messages: FromWorker[] = [];
  const listen = (of: Plan) => {
    for (const bind of of.frontends.flatMap((f) => f.binds)) {
      if (!fds.has(bind.key)) fds.set(bind.key, listenOn(bind.address, { backlog: bind.backlog }));
    }
    return [...fds].map(([key, fd]) => ({ key, fd }));
  };
  publish(board, plan);
  const start = { index: 0, boardFd: -1, boardSizes: SIZES, plan, listeners: listen(plan) };
  const loop = new Loop(start, board, (message) => messages.push(message));
  let turning = true;
  const turn = (): void => {
    if (!turning || loop.ended) return;
    loop.turn(() => {}, 0);
    setImmediate(turn);
  };
  turn();
  const ports = [...fds.values()].map((fd) => {
    const address = boundAddress(fd);
    return "port" in address ? address.port : 0;
  });
  let current = plan;
  return {
    loop,
    board,
    plan,
    ports,
    port: ports[0]!,
    messages,
    log: () => readLog(board),
    reload(body) {
      current = configured(body);
      publish(board, current);
      loop.handle({ type: "plan", plan: current, listeners: listen(current) });
      return current;
    },
    server(backend, server, cells) {
      const found = current.backends.find((b) => b.name === backend)!;
      const { slot } = found.servers.find((s) => s.name === server)!;
      for (const [column, value] of Object.entries(cells)) {
        board.servers[slot * SERVER.size + SERVER[column as keyof typeof SERVER as "ADMIN"]] =
          value;
      }
      Atomics.add(board.backends, found.slot * BACKEND.size + BACKEND.EPOCH, 1);
    },
    stop() {
      turning = false;
      const { core } = loop;
      const left = {
        connections: core.connections,
        exchanges: core.exchangesInUse,
        pageBytes: loop.driver.pages.usedBytes,
      };
      if (!loop.ended) loop.driver.destroy();
      for (const fd of fds.values()) closeFd(fd);
      return left;
    },
  };
}

function readLog(board: Board): string[] {
  const ring = board.totals[0]!.log;
  const head = board.workers[WORKER.LOG_HEAD]! >>> 0;
  const lines: string[] = [];
  for (let at = 0; at < head; ) {
    const bytes = ring[at]! | (ring[at + 1]! << 8) | (ring[at + 2]! << 16);
    lines.push(
      Buffer.from(ring.subarray(at + 4, at + 4 + bytes))
        .toString("latin1")
        .trimEnd(),
    );
    at += 4 + ((bytes + 3) & ~3);
  }
  return lines;
}
