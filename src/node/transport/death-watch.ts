import type { NodeName } from '../../protocol/ids.ts';
import type { Clock } from '../ports.ts';

/**
 * Decides, from signs that others deliver, when a node's process is probably gone. It can only make an election start
 * sooner; being wrong costs an election, never safety. What convinces, with nothing heard from the node between:
 *
 * - two pings without a listener, at least 25 ms apart;
 * - its connection closed, and a ping without a listener;
 * - either of these, and another node that holds it for dead.
 *
 * A sign counts only for a node that was heard since the own connection came up. After a reconnect nobody seems to
 * listen until the servers have told each other who does, and that must not look like death.
 */

export const PING_INTERVAL_MS = 25;
export const SIGN_GAP_MS = 25;
/** While only one more answer is missing: servers tell each other a moment later that nobody listens any more. */
export const URGENT_PING_INTERVAL_MS = 5;
/** As long as the silence lasts, the hint is repeated: whoever could not act upon it may be able to now. */
export const HINT_INTERVAL_MS = 100;
/** Timers may fire a fraction early; a second sign that comes a hair too soon would cost a whole interval. */
const TIMER_SLACK_MS = 1;

export interface DeathWatchOptions {
  readonly clock: Clock;
  /** Sends a ping whose absent listener comes back as `unanswered`. */
  readonly ping: (node: NodeName) => void;
  readonly hint: (node: NodeName, isRepeated: boolean) => void;
}

/** Nobody listens where the node should, or its server saw its connection close. */
export type DeathSign = 'unanswered' | 'disconnected';

export class DeathWatch {
  readonly #options: DeathWatchOptions;
  readonly #heardOnThisConnection = new Set<NodeName>();
  #watched: NodeName | null = null;
  #connected = false;
  #firstSignMs: number | null = null;
  #hintedAtMs: number | null = null;
  /** Of the watched node: its connection was closed, or another node holds it for dead. */
  #needsOneMoreSign = false;
  #cancelPing: (() => void) | null = null;

  constructor(options: DeathWatchOptions) {
    this.#options = options;
  }

  watch(node: NodeName | null): void {
    if (node === this.#watched) return;
    this.#watched = node;
    this.#forgetSigns();
    this.#schedulePing(PING_INTERVAL_MS);
  }

  /** A genuine frame came from `node`. */
  heard(node: NodeName): void {
    this.#heardOnThisConnection.add(node);
    if (node === this.#watched) this.#forgetSigns();
  }

  sign(node: NodeName, sign: DeathSign): void {
    if (!this.#counts(node)) return;
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#hintedAtMs !== null) {
      if (sign === 'unanswered' && nowMs - this.#hintedAtMs >= HINT_INTERVAL_MS) this.#hint(node, nowMs);
    } else if (sign === 'disconnected') {
      this.#firstSignMs ??= nowMs;
      this.#askUrgently(node);
    } else if (this.#needsOneMoreSign) {
      this.#hint(node, nowMs);
    } else if (this.#firstSignMs === null) {
      this.#firstSignMs = nowMs;
      this.#schedulePing(SIGN_GAP_MS + TIMER_SLACK_MS);
    } else if (nowMs - this.#firstSignMs >= SIGN_GAP_MS) {
      this.#hint(node, nowMs);
    }
  }

  /** Another node holds `node` for dead. */
  suspect(node: NodeName): void {
    if (!this.#counts(node) || this.#hintedAtMs !== null) return;
    if (this.#firstSignMs !== null) this.#hint(node, this.#options.clock.monotonicMs());
    else this.#askUrgently(node);
  }

  #counts(node: NodeName): boolean {
    return node === this.#watched && this.#connected && this.#heardOnThisConnection.has(node);
  }

  #askUrgently(node: NodeName): void {
    if (this.#needsOneMoreSign) return;
    this.#needsOneMoreSign = true;
    this.#schedulePing(URGENT_PING_INTERVAL_MS);
    this.#options.ping(node);
  }

  #hint(node: NodeName, nowMs: number): void {
    const isRepeated = this.#hintedAtMs !== null;
    this.#hintedAtMs = nowMs;
    this.#needsOneMoreSign = false;
    this.#options.hint(node, isRepeated);
  }

  connected(): void {
    this.#connected = true;
    this.#startAfresh();
  }

  disconnected(): void {
    this.#connected = false;
    this.#startAfresh();
  }

  close(): void {
    this.watch(null);
  }

  #startAfresh(): void {
    this.#heardOnThisConnection.clear();
    this.#forgetSigns();
    this.#schedulePing(PING_INTERVAL_MS);
  }

  #forgetSigns(): void {
    this.#firstSignMs = null;
    this.#hintedAtMs = null;
    this.#needsOneMoreSign = false;
  }

  #schedulePing(delayMs: number): void {
    this.#cancelPing?.();
    this.#cancelPing = null;
    const node = this.#watched;
    if (node === null || !this.#connected) return;
    this.#cancelPing = this.#options.clock.after(delayMs, () => {
      this.#schedulePing(this.#needsOneMoreSign ? URGENT_PING_INTERVAL_MS : PING_INTERVAL_MS);
      this.#options.ping(node);
    });
  }
}
