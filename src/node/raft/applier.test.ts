import { beforeEach, describe, expect, it } from 'vitest';
import { encodeConfChange } from '../../consensus/membership/conf-change-codec.ts';
import {
  ConfChangeKind,
  EMPTY_BYTES,
  EMPTY_CONF_STATE,
  EntryType,
  type ConfChange,
  type ConfState,
  type Entry,
  type LogIndex,
  type PeerId,
  type Term,
} from '../../consensus/types.ts';
import { encodeBatch } from '../../protocol/batch.ts';
import type { StampMs } from '../../protocol/ids.ts';
import { MemoryStateStore } from '../../testing/store/memory-state-store.ts';
import { Applier } from './applier.ts';
import type { CommittedBatch } from './state-machine.ts';

const FOUNDERS: ConfState = { ...EMPTY_CONF_STATE, voters: [1, 2, 3] as PeerId[] };

const entry = (index: number, data: Uint8Array = EMPTY_BYTES, type: Entry['type'] = EntryType.normal): Entry => ({
  index: index as LogIndex,
  term: 4 as Term,
  type,
  data,
});

const batch = (stampMs: number, ...serials: number[]): Uint8Array =>
  encodeBatch({
    stampMs: stampMs as StampMs,
    items: serials.map((serial) => ({ boot: 1, serial, command: Uint8Array.of(serial) })),
  });

class Bench {
  readonly state = new MemoryStateStore();
  readonly batches: CommittedBatch[] = [];
  readonly results: number[] = [];
  readonly changes: ConfChange[] = [];
  readonly progress: number[] = [];
  readonly fatal: unknown[] = [];
  readonly deferred: (() => void)[] = [];
  done = 0;
  breaks = false;
  awaitsSnapshot = false;
  readonly applier = new Applier<number, string>({
    state: this.state,
    itemsPerSlice: 3,
    foundingConfState: FOUNDERS,
    machine: {
      apply: (view, { items }) => {
        if (this.breaks) throw new Error('broken machine');
        for (const { serial } of items) view.put(`k${serial}`, Uint8Array.of(serial));
        return { results: items.map(({ serial }) => serial * 10), events: [] };
      },
    },
    awaitsSnapshot: () => this.awaitsSnapshot,
    recordMembership: (view, { index }) => view.put('members', Uint8Array.of(index)),
    applyConfChange: (change) => {
      this.changes.push(change);
      return { ...FOUNDERS, learners: [4] as PeerId[] };
    },
    defer: (callback) => this.deferred.push(callback),
    onBatch: (committed, { results }) => {
      this.batches.push(committed);
      this.results.push(...results);
    },
    onProgress: (index) => this.progress.push(index),
    onFatal: (error) => this.fatal.push(error),
  });

  enqueue(...entries: Entry[]): void {
    this.applier.enqueue(entries, () => (this.done += 1));
  }
}

describe('Applier', () => {
  let bench = new Bench();
  beforeEach(() => {
    bench = new Bench();
  });

  it('applies commands, hands out their results, and moves the applied index with each entry', () => {
    bench.enqueue(entry(1), entry(2, batch(100, 1, 2)));
    expect(bench.results).toEqual([10, 20]);
    expect(bench.state.get('k2')).toEqual(Uint8Array.of(2));
    expect(bench.state).toMatchObject({ appliedIndex: 2, appliedTerm: 4, lastStampMs: 100 });
    expect(bench.done).toBe(1);
    expect(bench.progress.at(-1)).toBe(2);
  });

  it('tells the state the membership of the founders with the first entry', () => {
    bench.enqueue(entry(1));
    expect(bench.state.confState).toEqual(FOUNDERS);
  });

  it('never lets the stamp fall, whatever a leader stamped', () => {
    bench.enqueue(entry(1, batch(500, 1)), entry(2, batch(400, 2)), entry(3));
    expect(bench.batches.map(({ stampMs }) => stampMs)).toEqual([500, 500]);
    expect(bench.state.lastStampMs).toBe(500);
  });

  it('lets the event loop have its turn when there is much to do', () => {
    bench.enqueue(entry(1, batch(1, 1, 2)), entry(2, batch(1, 3, 4)), entry(3, batch(1, 5)));
    bench.enqueue(entry(4, batch(1, 6)));
    expect(bench.state.appliedIndex).toBe(2);
    expect(bench.done).toBe(0);
    expect(bench.deferred.length).toBe(1);
    bench.deferred.shift()?.();
    expect(bench.state.appliedIndex).toBe(4);
    expect(bench.done).toBe(2);
    expect(bench.deferred.length).toBe(0);
  });

  it('says when it is idle', () => {
    let idle = 0;
    bench.applier.whenIdle(() => (idle += 1));
    expect(idle).toBe(1);
    bench.enqueue(entry(1, batch(1, 1, 2, 3)), entry(2));
    bench.applier.whenIdle(() => (idle += 1));
    expect(idle).toBe(1);
    bench.deferred.shift()?.();
    expect(idle).toBe(2);
  });

  it('applies a change of membership to the core and to the state', () => {
    const step = { kind: ConfChangeKind.addLearner, peer: 4 as PeerId };
    const change: ConfChange = { version: 1, step, context: EMPTY_BYTES };
    bench.enqueue(entry(1), entry(2, encodeConfChange(change), EntryType.confChange));
    expect(bench.changes).toEqual([change]);
    expect(bench.state.confState.learners).toEqual([4]);
    expect(bench.state.appliedIndex).toBe(2);
  });

  it('skips, and answers, what a snapshot contains that the core has accepted meanwhile', () => {
    const step = { kind: ConfChangeKind.addLearner, peer: 4 as PeerId };
    const change = encodeConfChange({ version: 1, step, context: EMPTY_BYTES });
    bench.enqueue(entry(1, batch(1, 1, 2, 3)), entry(2, change, EntryType.confChange), entry(3, batch(1, 4)));
    bench.enqueue(entry(4));
    expect(bench.state.appliedIndex).toBe(1);
    let idle = 0;
    bench.applier.whenIdle(() => (idle += 1));
    bench.awaitsSnapshot = true;
    bench.deferred.shift()?.();
    expect([bench.changes, bench.state.appliedIndex, bench.done, idle]).toEqual([[], 1, 2, 1]);
    expect(bench.fatal).toEqual([]);
  });

  it('ends the process over an entry out of order, one it cannot read, or a machine that throws', () => {
    bench.enqueue(entry(2));
    expect(bench.fatal.length).toBe(1);
    bench = new Bench();
    bench.enqueue(entry(1, Uint8Array.of(1, 2, 3)));
    expect(bench.fatal.length).toBe(1);
    bench = new Bench();
    bench.breaks = true;
    bench.enqueue(entry(1, batch(1, 1)), entry(2));
    expect(bench.fatal.length).toBe(1);
    expect(bench.state.appliedIndex).toBe(0);
    expect(bench.done).toBe(0);
  });
});
