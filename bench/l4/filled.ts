import { Director } from "#director/director.ts";
import { flushKernel } from "#director/kernel.ts";
import { encodeSockaddr, SOCKADDR_MAX_BYTES } from "#io/sockaddr.ts";
import { connectNetns, createNetns, withNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { planFromText } from "#kit/plan.ts";
import { writeAddress } from "#plan/address-cell.ts";
import { BACKEND, Board, boardBytes, SERVER, WEIGHT_SCALE } from "#plan/board.ts";
import type { Plan } from "#plan/plan.ts";

/*
 * A director in this process, without the rest of a weir: its maps hold what a control with the
 * same configuration would have written.
 */

/** A folder of names for maps that nobody else has; it is gone when the owner ends. */
export function pinsOf(owner: Owner, what: string): string {
  const pins = `weir-bench-${process.pid}-${what}`;
  owner.after(() => void flushKernel(pins));
  return pins;
}

/** A namespace whose `d0` leads to all servers, 10.2.0.0/15, and to clients. */
export function createGround(owner: Owner): string {
  const here = createNetns(owner);
  const there = createNetns(owner);
  connectNetns(
    { netns: here, device: "d0", address: "10.2.255.254/15" },
    { netns: there, device: "c0", address: "10.3.255.1/15" },
  );
  return here;
}

/** The Board as it is when every server of the Plan is up at full weight. */
export function boardOf(plan: Plan): Board {
  const sizes = { workers: 1, ...plan.engine.limits, logBytes: 4096 };
  const board = new Board(new SharedArrayBuffer(boardBytes(sizes)), sizes);
  fillBoard(board, plan);
  return board;
}

const memory = new Uint8Array(SOCKADDR_MAX_BYTES);

/** Writes addresses and weights of a Plan's servers. */
export function fillBoard(board: Board, plan: Plan): void {
  for (const { servers } of plan.backends) {
    for (const { address, slot } of servers) {
      const bytes = encodeSockaddr(address as never, memory, 0);
      writeAddress(board, slot, memory, 0, bytes);
      board.servers[slot * SERVER.size + SERVER.EFFECTIVE] = WEIGHT_SCALE;
    }
  }
}

/** Says that something of the backend has changed: the director looks when it is told to. */
export function touchBackend(board: Board, slot: number): void {
  board.backends[slot * BACKEND.size + BACKEND.EPOCH]!++;
}

/** A director with that configuration in force; it is closed when the owner ends. */
export function fillDirector(owner: Owner, netns: string, text: string): Director {
  const plan = planFromText(text);
  const board = boardOf(plan);
  const director = withNetns(netns, () => Director.open(plan, plan.director!, board));
  owner.after(() => director.close());
  withNetns(netns, () => director.apply(plan, plan.director!));
  return director;
}
