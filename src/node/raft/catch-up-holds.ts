import type { LogIndex, PeerId } from '../../consensus/types.ts';
import type { RaftSettings } from './raft-settings.ts';

export interface CatchUpHoldsEnv {
  readonly settings: Pick<RaftSettings, 'snapshotIdleMs' | 'snapshotPinBytesMax'>;
  readonly monotonicMs: () => number;
  /** How far the peer's log is known to be that of this leader; undefined when this node does not lead it. */
  readonly matchOf: (peer: PeerId) => LogIndex | undefined;
  readonly lastIndex: () => LogIndex;
}

interface Hold {
  /** What the follower has: the log after it must stay. */
  index: LogIndex;
  movedAtMs: number;
}

/**
 * Keeps the log that continues a snapshot until its follower has read it. Were it compacted as soon as the snapshot
 * has arrived, the follower of a busy leader would need another one at once, and so on for ever.
 */
export class CatchUpHolds {
  readonly #env: CatchUpHoldsEnv;
  readonly #holds = new Map<PeerId, Hold>();

  constructor(env: CatchUpHoldsEnv) {
    this.#env = env;
  }

  /** The log after this index must stay; undefined when nobody catches up. */
  get lowestIndex(): LogIndex | undefined {
    let lowest: LogIndex | undefined;
    for (const { index } of this.#holds.values()) if (lowest === undefined || index < lowest) lowest = index;
    return lowest;
  }

  /** `peer` has installed a snapshot that ends at `index`. */
  add(peer: PeerId, index: LogIndex): void {
    this.#holds.set(peer, { index, movedAtMs: this.#env.monotonicMs() });
  }

  release(peer: PeerId): void {
    this.#holds.delete(peer);
  }

  releaseAll(): void {
    this.#holds.clear();
  }

  /** `bytesBehind` tells how many bytes of log lie after an index. */
  onTick(bytesBehind: (index: LogIndex) => number): void {
    const { settings, monotonicMs, matchOf, lastIndex } = this.#env;
    const nowMs = monotonicMs();
    for (const [peer, hold] of this.#holds) {
      const match = matchOf(peer);
      if (match !== undefined && match > hold.index) {
        hold.index = match;
        hold.movedAtMs = nowMs;
      }
      const isOver =
        match === undefined ||
        match >= lastIndex() ||
        nowMs - hold.movedAtMs > settings.snapshotIdleMs ||
        bytesBehind(hold.index) > settings.snapshotPinBytesMax;
      if (isOver) this.release(peer);
    }
  }
}
