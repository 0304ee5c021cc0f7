import { CONNECTION, DESTINATION, FLOW, TEMPLATE, TEMPLATE_KEY } from "#plan/director-layout.ts";
import { CONN_STATE, CONNECTION_FLAG } from "#plan/director-numbers.ts";
import type { SyncPlan } from "#plan/plan.ts";
import type { PassTime, PassVisitor } from "../sweeper.ts";
import { msOfTicks, ticksOf } from "../ticks.ts";
import type { SyncCounts } from "./counts.ts";
import { connectionEntry, templateEntries } from "./entries.ts";
import { type Known, NOTICED } from "./known.ts";
import type { Outbox } from "./outbox.ts";
import { isMovable, type Place, type Places, placeNumber } from "./places.ts";
import { isEnd, isOpen, isPassing } from "./states.ts";

const FLOW_WORDS = FLOW.BYTES >> 2;
const TEMPLATE_WORDS = TEMPLATE_KEY.BYTES >> 2;

export interface OutletParts {
  readonly plan: SyncPlan;
  readonly places: Places;
  readonly connections: Known;
  readonly templates: Known;
  readonly outbox: Outbox;
  readonly counts: SyncCounts;
}

/**
 * Finds what others do not know, while the sweeper passes over the table, and puts it into
 * messages. What there is no room for is found again in the next pass, which begins where this
 * one stopped.
 */
export class Outlet implements PassVisitor {
  readonly #parts: OutletParts;
  readonly #refreshTicks: number;
  /** Everything is told, known or not, until a pass got to the end. */
  #isFull = false;
  /** Somebody asked for everything while it was being told. */
  #isFullAgain = false;
  /** This pass looks at all connections, and has since everything was asked for. */
  #isWhole = false;
  /** Connections that this pass has met, and the first that had no room in the last one. */
  #met = 0;
  #stoppedAt = 0;
  #resumeAt = 0;

  constructor(parts: OutletParts) {
    this.#parts = parts;
    this.#refreshTicks = parts.plan.refreshMs > 0 ? ticksOf(parts.plan.refreshMs) : 0xffff_ffff;
  }

  /** Has everything told, from the next pass on. */
  tellAll(): void {
    if (this.#isFull) this.#isFullAgain = true;
    else this.#startFull();
  }

  get isTellingAll(): boolean {
    return this.#isFull;
  }

  #startFull(): void {
    this.#isFull = true;
    this.#isFullAgain = false;
    this.#isWhole = false;
    this.#resumeAt = 0;
    this.#parts.connections.clear();
    this.#parts.templates.clear();
  }

  begin(): void {
    this.#isWhole = this.#resumeAt === 0;
    this.#met = 0;
    this.#stoppedAt = -1;
  }

  /** A connection of the table that goes on; see PassVisitor. */
  visit(keys: Int32Array, values: DataView, i: number, time: PassTime): void {
    if (++this.#met <= this.#resumeAt) return;
    const { connections, outbox } = this.#parts;
    const valueAt = i * CONNECTION.BYTES;
    const state = values.getUint16(valueAt + CONNECTION.STATE, true);
    const seen = values.getUint32(valueAt + CONNECTION.SEEN, true);
    const row = values.getUint32(valueAt + CONNECTION.DESTINATION, true);
    const generation = values.getUint32(valueAt + CONNECTION.GENERATION, true);
    const { now, timeouts } = time;
    const number = placeNumber(row, generation);
    const place = connections.find(keys, i * FLOW_WORDS, FLOW_WORDS, number);
    const timeout = timeouts[state]!;
    switch (this.#judge(place, state, seen, now, timeout)) {
      case Verdict.SILENT:
        return;
      case Verdict.NOTICE:
        connections.note(place, NOTICED, seen, now);
        return;
    }
    if (!outbox.hasRoom) {
      if (this.#stoppedAt < 0) this.#stoppedAt = this.#met - 1;
      return;
    }
    connections.note(place, state, seen, now);
    const flags = values.getUint16(valueAt + CONNECTION.FLAGS, true);
    const flow = new Uint8Array(keys.buffer, keys.byteOffset + i * FLOW.BYTES, FLOW.BYTES);
    const left = timeout - ((now - seen) | 0);
    this.#tell({ flow, state, flags, seconds: secondsOf(left) }, row, generation);
  }

  #judge(place: number, state: number, seen: number, now: number, timeout: number): Verdict {
    const { connections } = this.#parts;
    const known = place < 0 ? NOTICED : connections.state(place);
    if (known === NOTICED) {
      if (!isOpen(state)) return Verdict.SILENT;
      if (this.#isFull || !isPassing(state)) return Verdict.TELL;
      // It goes on, if packets came since it was noticed.
      return place >= 0 && connections.seen(place) !== seen ? Verdict.TELL : Verdict.NOTICE;
    }
    if (known !== state) return isOpen(state) || isEnd(state) ? Verdict.TELL : Verdict.SILENT;
    const told = connections.seen(place);
    if (told === seen || !isOpen(state)) return Verdict.SILENT;
    const due = Math.min(this.#refreshTicks, timeout / 2);
    return ((now - told) | 0) >= due ? Verdict.TELL : Verdict.SILENT;
  }

  #tell(told: Parameters<typeof connectionEntry>[0], row: number, generation: number): void {
    const { places, outbox, counts, plan } = this.#parts;
    const place = this.#placeOf(row, generation);
    const service = place && places.serviceAt(serviceOf(place));
    if (!service || !isMovable(service, place)) return;
    if (plan.templatesOnly && told.flags & CONNECTION_FLAG.PERSISTENT) return;
    // Whoever goes on with it would have to know by how much numbers differ.
    const entry =
      told.flags & CONNECTION_FLAG.PROXIED ? undefined : connectionEntry(told, service, place);
    if (!entry) {
      counts.untold++;
      return;
    }
    outbox.add(entry);
    counts.sentConnections++;
  }

  #placeOf(row: number, generation: number): Place | undefined {
    const place = this.#parts.places.placeAt(row);
    return place?.generation === generation ? place : undefined;
  }

  /** A template of the table; the same as `visit`. */
  visitTemplate(keys: Int32Array, values: DataView, i: number, now: number): void {
    const valueAt = i * TEMPLATE.BYTES;
    const { templates, outbox, places, counts } = this.#parts;
    const seen = values.getUint32(valueAt + TEMPLATE.SEEN, true);
    const row = values.getUint32(valueAt + TEMPLATE.DESTINATION, true);
    const generation = values.getUint32(valueAt + TEMPLATE.GENERATION, true);
    const known = templates.find(
      keys,
      i * TEMPLATE_WORDS,
      TEMPLATE_WORDS,
      placeNumber(row, generation),
    );
    if (known >= 0 && templates.seen(known) === seen) return;
    const service = places.serviceAt(keys[i * TEMPLATE_WORDS + (TEMPLATE_KEY.SERVICE >> 2)]! >>> 0);
    if (!service?.persistence) return;
    const timeout = ticksOf(service.persistence.timeoutMs);
    const left = timeout - ((now - seen) | 0);
    if (left <= 0) return;
    const due = Math.min(this.#refreshTicks, timeout / 2);
    if (known >= 0 && ((now - templates.seen(known)) | 0) < due) return;
    const place = this.#placeOf(row, generation);
    if (!place || !isMovable(service, place) || !outbox.hasRoom) return;
    templates.note(known, CONN_STATE.ESTABLISHED, seen, now);
    const key = new Uint8Array(
      keys.buffer,
      keys.byteOffset + i * TEMPLATE_KEY.BYTES,
      TEMPLATE_KEY.BYTES,
    );
    for (const entry of templateEntries(key, secondsOf(left), service, place)) outbox.add(entry);
    counts.sentTemplates++;
  }

  /** The pass is at its end. */
  end(): void {
    this.#parts.outbox.flush();
    this.#resumeAt = Math.max(0, this.#stoppedAt);
    if (!this.#isFull || this.#stoppedAt >= 0) return;
    // What a pass that began in the middle has not met, the next one does.
    this.#isFull = !this.#isWhole;
    if (!this.#isFull && this.#isFullAgain) this.#startFull();
  }
}

const Verdict = { SILENT: 0, NOTICE: 1, TELL: 2 } as const;
type Verdict = (typeof Verdict)[keyof typeof Verdict];

const serviceOf = ({ value }: Place): number =>
  new DataView(value.buffer, value.byteOffset).getUint32(DESTINATION.SERVICE, true);

/** 0 would stand for the other end's own timeout. */
const secondsOf = (ticks: number): number => Math.max(1, Math.ceil(msOfTicks(ticks) / 1000));
