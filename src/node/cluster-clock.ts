import type { Clock } from './ports.ts';
import type { NodeName } from '../protocol/ids.ts';

/** What a node said of its clock counts so long; then it may have jumped, or its node may be gone. */
const FRESH_MS = 5_000;

interface Told {
  readonly wallMs: number;
  readonly atMs: number;
}

/**
 * The time of the cluster: the median of the clocks of its voters, as they tell them to each other. One clock that is
 * wrong, by however much, moves it no further than to the next right one. Of two middle clocks the earlier counts: time
 * that went ahead cannot be taken back.
 */
export class ClusterClock {
  readonly #clock: Clock;
  readonly #otherVoters: () => readonly NodeName[];
  readonly #told = new Map<NodeName, Told>();

  constructor(clock: Clock, otherVoters: () => readonly NodeName[]) {
    this.#clock = clock;
    this.#otherVoters = otherVoters;
  }

  /** @param wallMs the clock of `node` when it sent this, milliseconds since the epoch */
  heard(node: NodeName, wallMs: number): void {
    if (Number.isFinite(wallMs)) this.#told.set(node, { wallMs, atMs: this.#clock.monotonicMs() });
  }

  /** Milliseconds since the epoch. */
  nowMs(): number {
    const nowMs = this.#clock.monotonicMs();
    const times = [this.#clock.wallMs()];
    for (const node of this.#otherVoters()) {
      const told = this.#told.get(node);
      if (told !== undefined && nowMs - told.atMs <= FRESH_MS) times.push(told.wallMs + nowMs - told.atMs);
    }
    times.sort((a, b) => a - b);
    return times[(times.length - 1) >> 1]!;
  }
}
