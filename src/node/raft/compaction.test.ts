import { describe, expect, it, vi } from 'vitest';
import { EMPTY_BYTES, EntryType, type Entry, type LogIndex, type Term } from '../../consensus/types.ts';
import { encodeBatch } from '../../protocol/batch.ts';
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
      wallMs: () => this.nowMs,
      appliedIndex: () => this.state.appliedIndex,
      pinnedIndex: () => this.pinned,
      onFatal: (error) => {
        throw error;
      },
    });
  }

  /** Appends and applies entries up to `last`, each of `bytes`. */
  grow(last: number, bytes = 0, stampMs: number | null = null): void {
    const term = 1 as Term;
    const data = stampMs === null ? EMPTY_BYTES : encodeBatch({ stampMs: stampMs as StampMs, items: [] });
    for (let at = this.state.appliedIndex + 1; at <= last; at += 1) {
      const index = at as LogIndex;
      const entry: Entry = { index, term, type: EntryType.normal, data };
      this.log.append({ entries: [entry] }, () => {});
      this.state.begin().commit({ index, term, stampMs: 0 as StampMs });
      this.compactor.applied(index, bytes);
    }
  }

  async check(): Promise<number> {
    this.nowMs += 1_000;
    this.compactor.onTick();
    await new Promise((resolve) => setImmediate(resolve));
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

  describe('by age', () => {
    const AGED = { compactAgeMs: 100_000, compactAgeCheckMs: 1_000, tailEntries: 1_000 };

    it('takes what is too old, its tail too, and nothing younger', async () => {
      const bench = new Bench(AGED);
      bench.grow(70, 0, 1_000);
      // An election: as old as what follows it.
      bench.grow(72);
      bench.grow(90, 0, 60_000);
      expect(await bench.check()).toBe(1);
      bench.nowMs = 101_000;
      expect(await bench.check()).toBe(71);
      bench.nowMs = 150_000;
      expect(await bench.check()).toBe(71);
      bench.nowMs = 160_000;
      expect(await bench.check()).toBe(91);
      expect(bench.log.lastIndex()).toBe(90);
      bench.grow(91, 0, 161_000);
      expect(await bench.check()).toBe(91);
    });

    it('waits for a snapshot under way, and looks now and then only', async () => {
      const bench = new Bench({ ...AGED, compactAgeCheckMs: 10_000 });
      bench.grow(50, 0, 1_000);
      bench.pinned = 20 as LogIndex;
      bench.nowMs = 200_000;
      expect(await bench.check()).toBe(21);
      bench.pinned = undefined;
      expect(await bench.check()).toBe(21);
      bench.nowMs += 10_000;
      expect(await bench.check()).toBe(51);
    });

    it('erases what was dropped, for whatever reason, once for each time', async () => {
      const bench = new Bench({ ...AGED, compactEntries: 100, tailEntries: 10, compactAgeCheckMs: 10_000 });
      const erase = vi.spyOn(bench.log, 'eraseCompacted');
      bench.nowMs = 20_000;
      await bench.check();
      expect(erase).toHaveBeenCalledTimes(1);
      bench.grow(150, 0, 20_000);
      expect(await bench.check()).toBe(141);
      expect(erase).toHaveBeenCalledTimes(1);
      bench.nowMs += 10_000;
      await bench.check();
      bench.nowMs += 10_000;
      await bench.check();
      expect(erase).toHaveBeenCalledTimes(2);
    });
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
