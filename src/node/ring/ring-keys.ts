/** How long frames of the epoch before are taken, when it ended by schedule or because somebody asked. */
export const OLD_EPOCH_MS = 60_000;

export interface EpochKey {
  readonly epoch: number;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** The keys of the ring that this node holds: that of the current epoch, and for a while the one before. */
export class RingKeys {
  readonly #monotonicMs: () => number;
  readonly #listeners = new Set<() => void>();
  #current: EpochKey | null = null;
  #previous: (EpochKey & { readonly untilMs: number }) | null = null;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  get current(): EpochKey | null {
    return this.#current;
  }

  /** Told when the current epoch changes. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Goes over to a later epoch.
   * @param atOnce nothing of the one before counts any more: whoever is out must not be heard with it
   */
  adopt(next: EpochKey, atOnce: boolean): void {
    if (next.epoch <= (this.#current?.epoch ?? 0)) return;
    this.#previous =
      atOnce || this.#current === null ? null : { ...this.#current, untilMs: this.#monotonicMs() + OLD_EPOCH_MS };
    this.#current = next;
    for (const listener of this.#listeners) listener();
  }

  /** What is known to have ended must not be used, also where its successor is not there yet. */
  forget(): void {
    if (this.#current === null) return;
    this.#current = null;
    this.#previous = null;
    for (const listener of this.#listeners) listener();
  }

  /** Undefined for an epoch that does not count. */
  keyOf(epoch: number): Uint8Array | undefined {
    if (this.#current?.epoch === epoch) return this.#current.key;
    if (this.#previous?.epoch !== epoch) return undefined;
    if (this.#monotonicMs() < this.#previous.untilMs) return this.#previous.key;
    this.#previous = null;
    return undefined;
  }
}
