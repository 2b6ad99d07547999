import { ParleyError } from '../protocol/errors.ts';
import { pendingIn } from './pending.ts';
import type { DeviceId, TxnId } from '../protocol/ids.ts';
import type { Flushed, Outbox, Sent } from './outbox.ts';
import type { PendingMessage } from './pending.ts';
import type { Platform } from './platform.ts';
import type { OutboxRow } from './rows.ts';

/** How long one attempt lasts that sends nothing. */
const FLUSH_MS_MAX = 15_000;
const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 15_000;

export interface PumpListener {
  /** What waits, in the order in which it was written; after each change. */
  waiting(pending: readonly PendingMessage[]): void;
  sent(message: PendingMessage, sent: Sent): void;
  /** It can never be sent as it is, and is not kept any longer than here. */
  refused(message: PendingMessage, reason: ParleyError): void;
  /** Why something waits although it was tried; null once nothing does. */
  stuck(reason: ParleyError | null): void;
  uploaded(txnId: TxnId, sentBytes: number, totalBytes: number): void;
}

/** Sends what is in the outbox, again and again until nothing is left, one attempt at a time. */
export class OutboxPump {
  readonly #outbox: Outbox;
  readonly #platform: Platform;
  readonly #device: DeviceId;
  readonly #listener: PumpListener;
  #isRunning = false;
  /** Ends the pause between two attempts. */
  #hurry = new AbortController();
  #isWanted = false;
  #isStopped = false;

  constructor(outbox: Outbox, platform: Platform, device: DeviceId, listener: PumpListener) {
    this.#outbox = outbox;
    this.#platform = platform;
    this.#device = device;
    this.#listener = listener;
  }

  /** There is something new, or a node can be reached again. */
  kick(): void {
    this.#isWanted = true;
    this.#hurry.abort();
    if (!this.#isRunning && !this.#isStopped) void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    this.#hurry.abort();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let backoffMs = BACKOFF_MS_MIN;
    try {
      while (!this.#isStopped) {
        this.#isWanted = false;
        const before = await this.#waiting();
        if (before.length === 0 && !this.#isWanted) return;
        const stuck = await this.#attempt(before);
        const left = await this.#waiting();
        this.#listener.stuck(left.length === 0 ? null : stuck);
        if (left.length === 0 && !this.#isWanted) return;
        backoffMs = left.length < before.length ? BACKOFF_MS_MIN : Math.min(backoffMs * 2, BACKOFF_MS_MAX);
        await this.#pause(backoffMs);
      }
    } catch (error) {
      // The store fails: the next kick tries again.
      if (!(error instanceof ParleyError)) throw error;
      this.#listener.stuck(error);
    } finally {
      this.#isRunning = false;
    }
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isWanted) return;
    this.#hurry = new AbortController();
    await this.#platform.pause(ms * (0.5 + this.#platform.chance()), this.#hurry.signal);
  }

  async #waiting(): Promise<readonly OutboxRow[]> {
    const rows = await this.#outbox.pending();
    this.#listener.waiting(this.#shown(rows));
    return rows;
  }

  #shown(rows: readonly OutboxRow[]): readonly PendingMessage[] {
    return rows.flatMap((row) => pendingIn(row, this.#device) ?? []);
  }

  /** @returns why something is left; null when nothing has to be */
  async #attempt(waiting: readonly OutboxRow[]): Promise<ParleyError | null> {
    let flushed: Flushed;
    try {
      flushed = await this.#outbox.flush(FLUSH_MS_MAX, {
        waiting,
        onUploaded: (sentBytes, totalBytes, txnId) => this.#listener.uploaded(txnId, sentBytes, totalBytes),
      });
    } catch (error) {
      if (error instanceof ParleyError) return error;
      throw error;
    }
    for (const message of this.#shown(waiting)) {
      const sent = flushed.sent.get(message.txnId);
      const refusal = flushed.refused.get(message.txnId);
      if (sent !== undefined) this.#listener.sent(message, sent);
      if (refusal !== undefined) this.#listener.refused(message, refusal);
    }
    return [...flushed.kept.values()][0] ?? null;
  }
}
