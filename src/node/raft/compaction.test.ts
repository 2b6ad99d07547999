import { describe, expect, it } from 'vitest';
import { EMPTY_BYTES, EntryType, type Entry, type LogIndex, type Term } from '../../consensus/types.ts';
import type { StampMs } from '../../protocol/ids.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { MemoryStateStore } from '../../testing/store/memory-state-store.ts';
import { Compactor } from './compaction.ts';
import { DEFAULT_RAFT_SETTINGS, type RaftSettings } from './raft-settings.ts';

class Bench {
  nowMs = 0;
  pinned: LogIndex | undefined;
  readonly log = new MemoryLogStore();
  readonly state = new MemoryStateStore();
  readonly compactor: Compactor;

  constructor(settings: Partial<RaftSettings>) {
    this.compactor = new Compactor({
      settings: { ...DEFAULT_RAFT_SETTINGS, ...settings },
      log: this.log,
      state: this.state,
      monotonicMs: () => this.nowMs,
      appliedIndex: () => this.state.appliedIndex,
      pinnedIndex: () => this.pinned,
      onFatal: (error) => {
        throw error;
      },
    });
  }

  /** Appends and applies entries up to `last`, each of `bytes`. */
  grow(last: number, bytes = 0): void {
    const term = 1 as Term;
    for (let at = this.state.appliedIndex + 1; at <= last; at += 1) {
      const index = at as LogIndex;
      const entry: Entry = { index, term, type: EntryType.normal, data: EMPTY_BYTES };
      this.log.append({ entries: [entry] }, () => {});
      this.state.begin().commit({ index, term, stampMs: 0 as StampMs });
      this.compactor.applied(index, bytes);
    }
  }

  async check(): Promise<number> {
    this.nowMs += 1_000;
    this.compactor.onTick();
    await Promise.resolve();
    await Promise.resolve();
    return this.log.firstIndex();
  }
}

describe('Compactor', () => {
  it('leaves a short log alone', async () => {
    const bench = new Bench({ compactEntries: 100, tailEntries: 10 });
    bench.grow(100);
    expect(await bench.check()).toBe(1);
  });

  it('compacts a long log but keeps a tail, once the state is durable', async () => {
    const bench = new Bench({ compactEntries: 100, tailEntries: 10 });
    bench.grow(150);
    expect(bench.state.durableIndex).toBe(0);
    expect(await bench.check()).toBe(141);
    expect(bench.state.durableIndex).toBe(150);
    bench.grow(200);
    expect(await bench.check()).toBe(141);
    bench.grow(260);
    expect(await bench.check()).toBe(251);
  });

  it('goes by bytes, too, and keeps a tail of bytes', async () => {
    const bench = new Bench({ compactBytes: 100_000, tailEntries: 1_000, tailBytes: 20_000 });
    bench.grow(2_000, 100);
    const first = await bench.check();
    expect(first).toBeGreaterThan(1_700);
    expect(first).toBeLessThan(1_900);
    expect(bench.compactor.bytesBehind(1_990 as LogIndex)).toBeLessThan(64 * 100 + 1_000);
    expect(bench.compactor.bytesBehind(0 as LogIndex)).toBeLessThan(30_000 + 64 * 100);
  });

  it('leaves the log alone once the node has stopped', async () => {
    const bench = new Bench({ compactEntries: 100, tailEntries: 10 });
    bench.grow(150);
    const checked = bench.check();
    bench.compactor.stop();
    expect(await checked).toBe(1);
  });

  it('keeps what lies behind a snapshot under way', async () => {
    const bench = new Bench({ compactEntries: 100, tailEntries: 10 });
    bench.pinned = 50 as LogIndex;
    bench.grow(300);
    expect(await bench.check()).toBe(51);
    bench.pinned = undefined;
    expect(await bench.check()).toBe(291);
  });
});
