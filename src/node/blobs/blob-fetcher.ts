import type { BlobInfo } from '../../chat/queries-blobs.ts';
import type { BlobId, NodeName } from '../../protocol/ids.ts';
import type { Clock } from '../ports.ts';
import type { BlobPuller } from './blob-puller.ts';
import { EVERYTHING } from './blob-puller.ts';

const FETCHED_AT_ONCE_MAX = 3;
/** Beyond it, what else is missing is found by looking through the state again. */
export const WANTED_MAX = 1_000;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;

interface FetcherPorts {
  readonly puller: BlobPuller;
  readonly clock: Clock;
  readonly infoOf: (blob: BlobId) => BlobInfo | undefined;
  readonly others: () => readonly NodeName[];
  readonly tellHeld: (to: NodeName, blob: BlobId, serial: number) => void;
  readonly onMended: (blob: BlobId, chunks: number) => void;
  readonly onError: (error: unknown) => void;
}

interface Want {
  readonly blob: BlobId;
  /** What nodes said that they have, and the serial of their last offer. */
  readonly offers: Map<NodeName, { readonly serial: number; readonly chunks: number }>;
  /** Read all of it, too. */
  mend: boolean;
  running: boolean;
  /** Something was said since it began to run. */
  again: boolean;
  retryMs: number;
  dueAtMs: number;
}

/**
 * Gets blobs that this node should have, a few at a time: first those that are being uploaded elsewhere right now,
 * because somebody waits for them; then those that were missed.
 */
export class BlobFetcher {
  readonly #ports: FetcherPorts;
  readonly #wants = new Map<BlobId, Want>();
  #running = 0;
  #cancelTimer: (() => void) | null = null;
  #stopped = false;
  #onIdle: (() => void)[] = [];

  constructor(ports: FetcherPorts) {
    this.#ports = ports;
  }

  get isFull(): boolean {
    return this.#wants.size >= WANTED_MAX;
  }

  /** It should be here, and is not, or not soundly. */
  want(blob: BlobId, { mend = false }: { readonly mend?: boolean } = {}): void {
    const want = this.#wantOf(blob);
    if (want === undefined) return;
    want.mend ||= mend;
    this.#pump();
  }

  /** Another node takes an upload and has so much of it. */
  offered(blob: BlobId, from: NodeName, offer: { readonly serial: number; readonly chunks: number }): void {
    const want = this.#wantOf(blob);
    if (want === undefined) return;
    want.offers.set(from, offer);
    want.again = want.running;
    want.dueAtMs = 0;
    this.#pump();
  }

  /** No longer wanted. */
  drop(blob: BlobId): void {
    this.#wants.delete(blob);
  }

  /** Resolves once what runs has ended; nothing is begun any more. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #wantOf(blob: BlobId): Want | undefined {
    const known = this.#wants.get(blob);
    if (known !== undefined || this.isFull || this.#stopped) return known;
    const want: Want = {
      blob,
      offers: new Map(),
      mend: false,
      running: false,
      again: false,
      retryMs: RETRY_MS_MIN,
      dueAtMs: 0,
    };
    this.#wants.set(blob, want);
    return want;
  }

  #pump(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    while (!this.#stopped && this.#running < FETCHED_AT_ONCE_MAX) {
      const want = this.#next();
      if (want === undefined) break;
      this.#run(want);
    }
    if (this.#stopped || this.#running >= FETCHED_AT_ONCE_MAX) return;
    const waiting = [...this.#wants.values()].filter(({ running }) => !running);
    if (waiting.length === 0) return;
    const dueAtMs = Math.min(...waiting.map((want) => want.dueAtMs));
    const delayMs = Math.max(1, dueAtMs - this.#ports.clock.monotonicMs());
    this.#cancelTimer = this.#ports.clock.after(delayMs, () => this.#pump());
  }

  #next(): Want | undefined {
    const nowMs = this.#ports.clock.monotonicMs();
    let found: Want | undefined;
    for (const want of this.#wants.values()) {
      if (want.running || want.dueAtMs > nowMs) continue;
      if (want.offers.size > 0) return want;
      found ??= want;
    }
    return found;
  }

  #run(want: Want): void {
    want.running = true;
    want.again = false;
    this.#running += 1;
    this.#fetch(want)
      .catch((error: unknown) => {
        this.#ports.onError(error);
        return false;
      })
      .then((done) => {
        this.#running -= 1;
        want.running = false;
        this.#settle(want, done);
        if (this.#running === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
        this.#pump();
      }, this.#ports.onError);
  }

  /** @returns whether it is here, whole */
  async #fetch(want: Want): Promise<boolean> {
    const { puller, others, infoOf, onMended } = this.#ports;
    if (infoOf(want.blob) === undefined) return false;
    const told = [...want.offers].map(([node, { chunks }]): [NodeName, number] => [node, chunks]);
    const sources = new Map(told.length > 0 ? told : others().map((node) => [node, EVERYTHING]));
    if (!want.mend) return puller.pull(want.blob, sources);
    const { mended, sound } = await puller.mend(want.blob, sources);
    if (mended > 0) onMended(want.blob, mended);
    return sound;
  }

  #settle(want: Want, done: boolean): void {
    const { infoOf, tellHeld, clock } = this.#ports;
    if (this.#wants.get(want.blob) !== want) return;
    const info = infoOf(want.blob);
    if (done) for (const [node, { serial }] of want.offers) tellHeld(node, want.blob, serial);
    if (want.again) return;
    want.offers.clear();
    // Of an upload that goes on elsewhere, this node will hear again.
    if (done || info === undefined || !info.stored) {
      this.#wants.delete(want.blob);
      return;
    }
    want.dueAtMs = clock.monotonicMs() + want.retryMs;
    want.retryMs = Math.min(want.retryMs * 2, RETRY_MS_MAX);
  }
}
