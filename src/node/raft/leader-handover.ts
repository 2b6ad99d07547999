import type { PeerProgress } from '../../consensus/status.ts';
import type { PeerId } from '../../consensus/types.ts';
import type { RaftSettings } from './raft-settings.ts';

export interface LeaderHandoverParts {
  readonly self: PeerId;
  readonly settings: Pick<RaftSettings, 'electionTicks' | 'tickMs'>;
  readonly monotonicMs: () => number;
  /** What the core, leading, knows of every peer. */
  readonly progress: () => readonly PeerProgress[];
  readonly transfer: (to: PeerId) => void;
}

/** A leader that wants to lead no longer chooses who takes over. */
export class LeaderHandover {
  readonly #parts: LeaderHandoverParts;
  #notBeforeMs = 0;

  constructor(parts: LeaderHandoverParts) {
    this.#parts = parts;
  }

  /** To one of the `successors`, where it is known that they do better than this leader. */
  toOneOf(successors: ReadonlySet<PeerId> | undefined): void {
    if (successors !== undefined && successors.size > 0) this.toBest(({ id }) => successors.has(id));
  }

  /** Asks the follower with the longest log among those that are `fit`, at most once per election timeout. */
  toBest(fit: (peer: PeerProgress) => boolean): void {
    const { self, settings, monotonicMs, progress, transfer } = this.#parts;
    const nowMs = monotonicMs();
    if (nowMs < this.#notBeforeMs) return;
    const candidates = progress().filter(
      (peer) => peer.id !== self && !peer.isLearner && peer.state === 'replicate' && fit(peer),
    );
    const best = candidates.reduce<PeerProgress | undefined>(
      (best, peer) => (best === undefined || peer.match > best.match ? peer : best),
      undefined,
    );
    if (best === undefined) return;
    this.#notBeforeMs = nowMs + settings.electionTicks * settings.tickMs;
    transfer(best.id);
  }
}
