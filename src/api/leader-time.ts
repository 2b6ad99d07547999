import type { ChatNode } from '../node/ports.ts';

/** How exactly the moment of an applied entry without events is known. */
const SAMPLE_MS = 1_000;

export interface TimeSource {
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
}

const SYSTEM_TIME: TimeSource = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };

/**
 * The cluster's time as this node can tell it: the newest leader stamp it applied, plus the time that passed here
 * since. Tokens therefore end in an idle cluster too, and a node whose own wall clock is wrong judges like the
 * others. Only between its start and the first stamp it applies does the wall clock count, because how long the
 * node was down is written nowhere else; one applied stamp corrects a wall clock that was wrong.
 */
export class LeaderTime {
  readonly #node: Pick<ChatNode, 'stampMs' | 'onApplied'>;
  readonly #monotonicMs: () => number;
  #stampMs: number;
  #baseMs: number;
  #baseAtMs: number;
  #stopListening: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(node: Pick<ChatNode, 'stampMs' | 'onApplied'>, time: TimeSource = SYSTEM_TIME) {
    this.#node = node;
    this.#monotonicMs = time.monotonicMs;
    this.#stampMs = node.stampMs;
    this.#baseMs = Math.max(node.stampMs, time.wallMs());
    this.#baseAtMs = time.monotonicMs();
  }

  start(): void {
    this.#stopListening ??= this.#node.onApplied(({ stampMs }) => this.#anchor(stampMs));
    this.#timer ??= setInterval(() => this.nowMs(), SAMPLE_MS).unref();
  }

  stop(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  nowMs(): number {
    if (this.#node.stampMs !== this.#stampMs) this.#anchor(this.#node.stampMs);
    return this.#baseMs + Math.floor(this.#monotonicMs() - this.#baseAtMs);
  }

  /** Also on a stamp that repeats: a leader whose clock is behind repeats the last one until it has caught up. */
  #anchor(stampMs: number): void {
    this.#stampMs = stampMs;
    this.#baseMs = stampMs;
    this.#baseAtMs = this.#monotonicMs();
  }
}
