import { ParleyError } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { ParleyClient } from './client.ts';

/** While somebody types it is said again in time before it ends by itself. */
const AGAIN_MS = LIMITS.typingShownMs / 2;

/** Tells the others of a room that one is writing, no more often than it takes. */
export class TypingSignal {
  readonly #client: ParleyClient;
  readonly #target: string;
  #saidAtMs = 0;

  constructor(client: ParleyClient, target: string) {
    this.#client = client;
    this.#target = target;
  }

  /** @param isWriting false once the field is empty */
  typed(isWriting: boolean): void {
    const nowMs = Date.now();
    if (isWriting && nowMs - this.#saidAtMs < AGAIN_MS) return;
    if (!isWriting && this.#saidAtMs === 0) return;
    this.#saidAtMs = isWriting ? nowMs : 0;
    // It is of the moment: what cannot be told now is not told.
    this.#client.presence.type(this.#target, isWriting).catch((error: unknown) => {
      if (!(error instanceof ParleyError)) throw error;
    });
  }

  stop(): void {
    this.typed(false);
  }
}
