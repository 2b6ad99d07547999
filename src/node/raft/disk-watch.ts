import type { PeerId } from '../../consensus/types.ts';

/**
 * Notices a leader's disk that hangs: its heartbeats would keep it in office while nothing can commit as fast as it
 * should, or at all (hashicorp/raft #503). Remembers who has acknowledged an append since the hang began: only they
 * have shown that they would do better.
 */
export class DiskWatch {
  readonly #stallMs: number;
  readonly #monotonicMs: () => number;
  #busySinceMs: number | undefined;
  #acknowledged = new Set<PeerId>();

  constructor(stallMs: number, monotonicMs: () => number) {
    this.#stallMs = stallMs;
    this.#monotonicMs = monotonicMs;
  }

  /** A write began or ended, and `writes` of them run now. */
  onDisk(event: 'began' | 'ended', writes: number): void {
    if (event === 'began' && writes > 1) return;
    this.#acknowledged.clear();
    this.#busySinceMs = writes > 0 ? this.#monotonicMs() : undefined;
  }

  acknowledged(peer: PeerId): void {
    if (this.#busySinceMs !== undefined) this.#acknowledged.add(peer);
  }

  /** Who could take over; undefined while the disk works. */
  successors(): ReadonlySet<PeerId> | undefined {
    const since = this.#busySinceMs;
    if (since === undefined || this.#monotonicMs() - since < this.#stallMs) return undefined;
    return this.#acknowledged;
  }
}
