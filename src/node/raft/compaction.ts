import { maxIndex, minIndex, plus, type LogIndex } from '../../consensus/types.ts';
import type { LogStore, StateStore } from '../ports.ts';
import { lastStampedBefore } from './log-age.ts';
import type { RaftSettings } from './raft-settings.ts';

export interface CompactorEnv {
  readonly settings: RaftSettings;
  readonly log: LogStore;
  readonly state: StateStore;
  readonly monotonicMs: () => number;
  /** The time that stamps are compared with, in milliseconds since the Unix epoch. */
  readonly wallMs: () => number;
  /** What the core knows to be applied: it may still read entries after this index. */
  readonly appliedIndex: () => LogIndex;
  /** A snapshot is being streamed: the log after this index must stay. */
  readonly pinnedIndex: () => LogIndex | undefined;
  readonly onFatal: (error: unknown) => void;
}

/** How much log lies up to an index. */
interface Mark {
  readonly index: LogIndex;
  readonly bytes: number;
}

/** Distance of the marks: how exact the sizes are. */
const MARK_ENTRIES = 64;

/**
 * Decides when and how far to compact the log: when its applied part is long, up to what the state store holds
 * durably, but a tail stays for followers that are a little late, and everything behind a snapshot under way. Entries
 * of a certain age go in any case, and from the files of the log too: what was deleted meanwhile stands in them.
 */
export class Compactor {
  readonly #env: CompactorEnv;
  /** Marks of what this process has applied; older entries count as empty. */
  #marks: Mark[] = [];
  #bytes = 0;
  /** What of `#bytes` lies before the first mark. */
  #baseBytes = 0;
  #checkedAtMs = 0;
  #agedAtMs: number;
  /** Files of the log may hold entries that were compacted: this process does not know what earlier ones left. */
  #filesHoldCompacted = true;
  #syncing = false;
  #stopped = false;

  constructor(env: CompactorEnv) {
    this.#env = env;
    this.#agedAtMs = env.monotonicMs();
  }

  /** An entry with `bytes` of data was applied. */
  applied(index: LogIndex, bytes: number): void {
    this.#bytes += bytes;
    const last = this.#marks.at(-1);
    if (last === undefined || index - last.index >= MARK_ENTRIES) this.#marks.push({ index, bytes: this.#bytes });
  }

  /** About how many bytes of applied entries lie after `index`. */
  bytesBehind(index: LogIndex): number {
    return this.#bytes - this.#bytesUpTo(index);
  }

  #bytesUpTo(index: LogIndex): number {
    let low = 0;
    let high = this.#marks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#marks[middle]!.index <= index) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? this.#baseBytes : this.#marks[low - 1]!.bytes;
  }

  onTick(): void {
    const { settings, monotonicMs, onFatal } = this.#env;
    const nowMs = monotonicMs();
    if (this.#syncing || nowMs - this.#checkedAtMs < settings.compactCheckMs) return;
    this.#checkedAtMs = nowMs;
    if (nowMs - this.#agedAtMs >= settings.compactAgeCheckMs) {
      this.#agedAtMs = nowMs;
      this.#compactAged().catch(onFatal);
    } else if (this.#isDue()) this.compactNow().catch(onFatal);
  }

  /** Makes the state durable, then drops as much of the log as may go. */
  async compactNow(): Promise<void> {
    await this.#syncState();
    if (!this.#stopped) this.#compact(this.#target());
  }

  /** The same, and what is too old goes with its tail, and from the disk. */
  async #compactAged(): Promise<void> {
    const aged = this.#lastAged();
    if (aged >= this.#env.log.firstIndex()) {
      await this.#syncState();
      if (!this.#stopped) this.#compact(maxIndex(this.#target(), this.#pinned(aged)));
    }
    if (!this.#filesHoldCompacted || this.#stopped) return;
    this.#filesHoldCompacted = false;
    await this.#env.log.eraseCompacted();
  }

  async #syncState(): Promise<void> {
    this.#syncing = true;
    await this.#env.state.sync();
    this.#syncing = false;
  }

  #lastAged(): LogIndex {
    const { settings, log, state, wallMs, appliedIndex } = this.#env;
    const nowMs = Math.max(wallMs(), state.lastStampMs);
    return lastStampedBefore(log, appliedIndex(), nowMs - settings.compactAgeMs);
  }

  stop(): void {
    this.#stopped = true;
  }

  #isDue(): boolean {
    const { settings, log } = this.#env;
    const first = log.firstIndex();
    const target = this.#target();
    if (target < first) return false;
    return (
      this.#env.appliedIndex() - first >= settings.compactEntries ||
      this.bytesBehind(plus(first, -1)) >= settings.compactBytes
    );
  }

  /** How far could be compacted if all that is applied were durable. */
  #target(): LogIndex {
    const { settings, appliedIndex } = this.#env;
    let target = plus(appliedIndex(), -settings.tailEntries);
    if (this.bytesBehind(target) > settings.tailBytes) target = this.#indexWithTail(settings.tailBytes);
    return this.#pinned(target);
  }

  #pinned(target: LogIndex): LogIndex {
    return minIndex(target, this.#env.pinnedIndex() ?? target);
  }

  /** The first mark after which no more than `tailBytes` lie. */
  #indexWithTail(tailBytes: number): LogIndex {
    const mark = this.#marks.find(({ bytes }) => this.#bytes - bytes <= tailBytes);
    return minIndex(mark?.index ?? this.#env.appliedIndex(), this.#env.appliedIndex());
  }

  #compact(wanted: LogIndex): void {
    const { log, state } = this.#env;
    const target = minIndex(wanted, state.durableIndex);
    if (target < log.firstIndex()) return;
    this.#filesHoldCompacted = true;
    this.#baseBytes = this.#bytesUpTo(target);
    log.compact(target);
    const kept = this.#marks.findIndex(({ index }) => index > target);
    this.#marks = kept === -1 ? [] : this.#marks.slice(kept);
  }
}
