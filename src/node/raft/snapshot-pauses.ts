import type { PeerId } from '../../consensus/types.ts';
import type { RaftSettings } from './raft-settings.ts';

interface Pause {
  readonly ms: number;
  readonly endsAtMs: number;
}

/**
 * How long to wait before a follower is sent another snapshot after one that failed: longer every time, so that one
 * that cannot succeed (the follower's disk is full, or too much is written meanwhile) does not load the leader for ever.
 */
export class SnapshotPauses {
  readonly #settings: Pick<RaftSettings, 'snapshotPauseMs' | 'snapshotPauseMsMax'>;
  readonly #monotonicMs: () => number;
  readonly #pauses = new Map<PeerId, Pause>();

  constructor(settings: Pick<RaftSettings, 'snapshotPauseMs' | 'snapshotPauseMsMax'>, monotonicMs: () => number) {
    this.#settings = settings;
    this.#monotonicMs = monotonicMs;
  }

  isPausing(peer: PeerId): boolean {
    const pause = this.#pauses.get(peer);
    return pause !== undefined && this.#monotonicMs() < pause.endsAtMs;
  }

  onFailed(peer: PeerId): void {
    const { snapshotPauseMs, snapshotPauseMsMax } = this.#settings;
    const last = this.#pauses.get(peer);
    const ms = last === undefined ? snapshotPauseMs : Math.min(2 * last.ms, snapshotPauseMsMax);
    this.#pauses.set(peer, { ms, endsAtMs: this.#monotonicMs() + ms });
  }

  /** One has arrived, or the follower begins anew. */
  forget(peer: PeerId): void {
    this.#pauses.delete(peer);
  }
}
