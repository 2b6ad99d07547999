import type { NodeName } from '../../protocol/ids.ts';
import type { Clock } from '../ports.ts';

/**
 * Decides, from signs that others deliver, when a node's process is probably gone: two signs at least 25 ms apart
 * with nothing heard from the node between. It can only make an election start sooner; being wrong costs an election,
 * never safety.
 *
 * A sign counts only for a node that was heard since the own connection came up. After a reconnect nobody seems to
 * listen until the servers have told each other who does, and that must not look like death.
 */

export const PING_INTERVAL_MS = 25;
export const SIGN_GAP_MS = 25;
/** Timers may fire a fraction early; a second sign that comes a hair too soon would cost a whole interval. */
const TIMER_SLACK_MS = 1;

export interface DeathWatchOptions {
  readonly clock: Clock;
  /** Sends a ping whose absent listener comes back as a sign. */
  readonly ping: (node: NodeName) => void;
  /** Called once per silence. */
  readonly hint: (node: NodeName) => void;
}

export class DeathWatch {
  readonly #options: DeathWatchOptions;
  readonly #heardOnThisConnection = new Set<NodeName>();
  #watched: NodeName | null = null;
  #connected = false;
  #firstSignMs: number | null = null;
  #hinted = false;
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

  /** Its connection was closed, or nobody listens on its ping subject. */
  sign(node: NodeName): void {
    if (node !== this.#watched || !this.#connected || this.#hinted || !this.#heardOnThisConnection.has(node)) return;
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#firstSignMs === null) {
      this.#firstSignMs = nowMs;
      this.#schedulePing(SIGN_GAP_MS + TIMER_SLACK_MS);
      return;
    }
    if (nowMs - this.#firstSignMs < SIGN_GAP_MS) return;
    this.#hinted = true;
    this.#options.hint(node);
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
    this.#hinted = false;
  }

  #schedulePing(delayMs: number): void {
    this.#cancelPing?.();
    this.#cancelPing = null;
    const node = this.#watched;
    if (node === null || !this.#connected) return;
    this.#cancelPing = this.#options.clock.after(delayMs, () => {
      this.#schedulePing(PING_INTERVAL_MS);
      this.#options.ping(node);
    });
  }
}
