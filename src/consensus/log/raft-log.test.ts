import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryLogStorage } from '../memory-log-storage.ts';
import { EMPTY_CONF_STATE, EntryType, type Entry, type LogIndex, type Snapshot, type Term } from '../types.ts';
import { entryBytes } from './entry-bytes.ts';
import { RaftLog } from './raft-log.ts';

const at = (index: number): LogIndex => index as LogIndex;
const inTerm = (term: number): Term => term as Term;

const entry = (index: number, term: number, bytes = 0): Entry => ({
  index: at(index),
  term: inTerm(term),
  type: EntryType.normal,
  data: new Uint8Array(bytes),
});

const entries = (from: number, ...terms: number[]): Entry[] => terms.map((term, i) => entry(from + i, term));

const unbounded = Number.POSITIVE_INFINITY;

const logOf = (stored: readonly Entry[], applyingBytesMax = unbounded): RaftLog => {
  const storage = new MemoryLogStorage();
  storage.append(stored);
  return new RaftLog(storage, { applyingBytesMax, onConflict: () => {} });
};

const snapshotAt = (index: number, term: number): Snapshot => ({
  metadata: { index: at(index), term: inTerm(term), confState: EMPTY_CONF_STATE },
  data: new Uint8Array(),
});

const termsOf = (log: RaftLog): number[] => {
  const all = log.slice(log.firstIndex(), at(log.lastIndex() + 1), unbounded);
  if (typeof all === 'string') throw new Error(all);
  return all.map(({ term }) => term);
};

describe('RaftLog', () => {
  it('appends what is new and replaces what conflicts', () => {
    const log = logOf(entries(1, 1, 2, 3));
    const append = (previous: [number, number], added: Entry[]): number | undefined =>
      log.maybeAppend({ index: at(previous[0]), term: inTerm(previous[1]) }, added, at(0));

    expect(append([3, 2], entries(4, 4))).toBeUndefined();
    expect(append([4, 4], entries(5, 4))).toBeUndefined();
    expect(append([1, 1], entries(2, 2, 3))).toBe(3);
    expect(termsOf(log)).toEqual([1, 2, 3]);
    expect(append([2, 2], entries(3, 4, 4))).toBe(4);
    expect(termsOf(log)).toEqual([1, 2, 4, 4]);
    // A late, shorter append must not cut what follows.
    expect(append([1, 1], entries(2, 2))).toBe(2);
    expect(termsOf(log)).toEqual([1, 2, 4, 4]);
  });

  it('tells of conflicts, and only of them', () => {
    const storage = new MemoryLogStorage();
    storage.append(entries(1, 1, 2, 2));
    const told: number[][] = [];
    const log = new RaftLog(storage, { applyingBytesMax: unbounded, onConflict: (...what) => told.push(what) });
    log.maybeAppend({ index: at(1), term: inTerm(1) }, entries(2, 2, 2, 2), at(0));
    expect(told).toEqual([]);
    log.maybeAppend({ index: at(2), term: inTerm(2) }, entries(3, 3), at(0));
    expect(told).toEqual([[3, 2, 3]]);
  });

  it('commits no further than the entries of the append reach', () => {
    const log = logOf(entries(1, 1, 1, 1));
    log.maybeAppend({ index: at(1), term: inTerm(1) }, entries(2, 1), at(9));
    expect(log.committed).toBe(2);
  });

  it('refuses to replace committed entries and to commit what it does not have', () => {
    const log = logOf(entries(1, 1, 1, 1));
    log.commitTo(at(2));
    expect(() => log.append(entries(2, 2))).toThrow('would replace entries committed');
    expect(() => log.commitTo(at(4))).toThrow('acknowledged entries were lost');
    log.commitTo(at(1));
    expect(log.committed).toBe(2);
  });

  it('commits only entries of the current term by counting', () => {
    const log = logOf(entries(1, 1, 2, 2));
    expect(log.maybeCommit(at(3), inTerm(3))).toBe(false);
    expect(log.maybeCommit(at(3), inTerm(2))).toBe(true);
    expect(log.maybeCommit(at(3), inTerm(2))).toBe(false);
  });

  it('finds where it parts from a log of which one entry is known', () => {
    const log = logOf(entries(1, 1, 3, 3, 4, 4, 5));
    expect(log.findConflictByTerm(at(6), inTerm(3))).toEqual({ index: 3, term: 3 });
    expect(log.findConflictByTerm(at(6), inTerm(2))).toEqual({ index: 1, term: 1 });
    expect(log.findConflictByTerm(at(2), inTerm(9))).toEqual({ index: 2, term: 3 });
    expect(log.findConflictByTerm(at(9), inTerm(5))).toEqual({ index: 9, term: 0 });
    expect(log.findConflictByTerm(at(1), inTerm(0))).toEqual({ index: 0, term: 0 });
  });

  it('judges other logs by last term, then by length', () => {
    const log = logOf(entries(1, 1, 2, 2));
    const upToDate = (term: number, index: number): boolean => log.isUpToDate({ term: inTerm(term), index: at(index) });
    expect([upToDate(2, 3), upToDate(2, 4), upToDate(3, 1)]).toEqual([true, true, true]);
    expect([upToDate(2, 2), upToDate(1, 9)]).toEqual([false, false]);
  });

  it('reads across the border of stored and unstable entries within a byte bound', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: 0, max: 6 }),
        fc.nat(30),
        fc.nat(12),
        fc.nat(12),
        (stored, unstable, limit, a, b) => {
          const all = Array.from({ length: stored + unstable }, (_, i) => entry(i + 1, 1, (i * 3) % 7));
          const log = logOf(all.slice(0, stored));
          log.append(all.slice(stored));
          const lo = 1 + Math.min(a, b, all.length);
          const hi = 1 + Math.min(Math.max(a, b), all.length);
          const got = log.slice(at(lo), at(hi), limit);
          const wanted: Entry[] = [];
          let bytes = 0;
          for (const one of all.slice(lo - 1, hi - 1)) {
            bytes += entryBytes(one);
            if (bytes > limit && wanted.length > 0) break;
            wanted.push(one);
          }
          expect(got).toEqual(wanted);
        },
      ),
    );
  });

  it('hands committed entries out once, within the byte bound, until they are acknowledged', () => {
    const all = [entry(1, 1, 50), entry(2, 1, 50), entry(3, 1, 50)];
    const log = logOf(all, 120);
    log.commitTo(at(3));
    const first = log.nextCommittedEntries(true);
    expect(first.map(({ index }) => index)).toEqual([1, 2]);
    log.acceptApplying(at(2), 112, true);
    expect(log.hasNextCommittedEntries(true)).toBe(false);
    log.appliedTo(at(2), 112);
    expect(log.nextCommittedEntries(true).map(({ index }) => index)).toEqual([3]);
  });

  it('applies unstable entries only when that is allowed', () => {
    const log = logOf(entries(1, 1));
    log.append(entries(2, 1, 1));
    log.commitTo(at(3));
    expect(log.nextCommittedEntries(false).map(({ index }) => index)).toEqual([1]);
    expect(log.nextCommittedEntries(true).map(({ index }) => index)).toEqual([1, 2, 3]);
  });

  it('applies nothing while a snapshot waits to be installed', () => {
    const log = logOf(entries(1, 1, 1));
    log.restore(snapshotAt(5, 2));
    log.append(entries(6, 2));
    log.commitTo(at(6));
    expect(log.hasNextCommittedEntries(true)).toBe(false);
    log.stableSnapshotTo(at(5));
    log.appliedTo(at(5), 0);
    expect(log.hasUnstableSnapshot).toBe(false);
  });

  it('knows the terms of what a pending snapshot covers up to its end', () => {
    const log = logOf(entries(1, 1, 1));
    log.restore(snapshotAt(5, 2));
    expect([log.firstIndex(), log.lastIndex(), log.term(at(5)), log.term(at(4))]).toEqual([6, 5, 2, 'compacted']);
  });

  it('keeps entries unstable that were replaced while they were written', () => {
    const log = logOf([]);
    log.append(entries(1, 1, 1));
    log.acceptUnstable();
    log.append(entries(2, 2, 2));
    log.stableTo({ index: at(2), term: inTerm(1) });
    expect(log.nextUnstableEntries().map(({ index, term }) => [index, term])).toEqual([
      [2, 2],
      [3, 2],
    ]);
    log.stableTo({ index: at(1), term: inTerm(1) });
    log.acceptUnstable();
    expect(log.hasNextUnstableEntries).toBe(false);
    expect(log.hasUnstableEntries).toBe(true);
    log.stableTo({ index: at(3), term: inTerm(2) });
    expect(log.hasUnstableEntries).toBe(false);
  });
});
