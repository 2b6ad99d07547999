import type { ReadState } from '../../consensus/ready.ts';
import type { LogIndex } from '../../consensus/types.ts';

export type ReadOutcome =
  | { readonly kind: 'index'; readonly index: LogIndex }
  | { readonly kind: 'late' }
  | { readonly kind: 'stopped' };

interface PendingRead {
  readonly deadlineMs: number;
  readonly done: (outcome: ReadOutcome) => void;
}

interface ReadRound {
  readonly reads: PendingRead[];
  readonly askedAtMs: number;
}

export interface ReadBarriersEnv {
  readonly boot: number;
  readonly monotonicMs: () => number;
  readonly readRoundsMax: number;
  readonly readRetryMs: number;
  readonly readIndex: (context: Uint8Array) => void;
}

const CONTEXT_BYTES = 16;

/**
 * Linearizable reads: all that are asked for in one turn of the event loop share one question to the leader, and
 * while several questions are open, further reads share the next. A question that gets no answer is asked anew.
 */
export class ReadBarriers {
  readonly #env: ReadBarriersEnv;
  readonly #rounds = new Map<number, ReadRound>();
  #queued: PendingRead[] = [];
  #lastRound = 0;

  constructor(env: ReadBarriersEnv) {
    this.#env = env;
  }

  get pendingCount(): number {
    let count = this.#queued.length;
    for (const round of this.#rounds.values()) count += round.reads.length;
    return count;
  }

  add(read: PendingRead): void {
    this.#queued.push(read);
  }

  /** Once per turn, while a leader is known. */
  flush(): void {
    if (this.#queued.length === 0 || this.#rounds.size >= this.#env.readRoundsMax) return;
    this.#lastRound += 1;
    this.#rounds.set(this.#lastRound, { reads: this.#queued, askedAtMs: this.#env.monotonicMs() });
    this.#queued = [];
    this.#env.readIndex(this.#contextOf(this.#lastRound));
  }

  onReadState({ context, index }: ReadState): void {
    const number = this.#roundOf(context);
    const round = number === undefined ? undefined : this.#rounds.get(number);
    if (number === undefined || round === undefined) return;
    this.#rounds.delete(number);
    for (const read of round.reads) read.done({ kind: 'index', index });
  }

  /** A new leader knows nothing of what was asked before. */
  onLeaderChange(): void {
    this.#requeue(() => true);
  }

  onTick(): void {
    const nowMs = this.#env.monotonicMs();
    this.#requeue((round) => nowMs - round.askedAtMs >= this.#env.readRetryMs);
    for (const read of this.#take((read) => read.deadlineMs <= nowMs)) read.done({ kind: 'late' });
  }

  stop(): void {
    this.#requeue(() => true);
    for (const read of this.#take(() => true)) read.done({ kind: 'stopped' });
  }

  #take(which: (read: PendingRead) => boolean): PendingRead[] {
    if (!this.#queued.some(which)) return [];
    const taken = this.#queued.filter(which);
    this.#queued = this.#queued.filter((read) => !which(read));
    return taken;
  }

  #requeue(which: (round: ReadRound) => boolean): void {
    for (const [number, round] of this.#rounds) {
      if (!which(round)) continue;
      this.#rounds.delete(number);
      this.#queued.push(...round.reads);
    }
  }

  #contextOf(round: number): Uint8Array {
    const bytes = new Uint8Array(CONTEXT_BYTES);
    const view = new DataView(bytes.buffer);
    view.setFloat64(0, this.#env.boot);
    view.setFloat64(8, round);
    return bytes;
  }

  /** The round a context of this process stands for; answers to an earlier process are nobody's. */
  #roundOf(context: Uint8Array): number | undefined {
    if (context.length !== CONTEXT_BYTES) return undefined;
    const view = new DataView(context.buffer, context.byteOffset, CONTEXT_BYTES);
    return view.getFloat64(0) === this.#env.boot ? view.getFloat64(8) : undefined;
  }
}
