import assert from 'node:assert/strict';
import { countWithin, entryBytes } from '../../consensus/log/entry-bytes.ts';
import { reaches, type RepairGoal } from '../../consensus/repair.ts';
import { COMPACTED, SNAPSHOT_TEMPORARILY_UNAVAILABLE, UNAVAILABLE, type LogGap } from '../../consensus/log-storage.ts';
import {
  EMPTY_BYTES,
  ZERO_INDEX,
  type ConfState,
  type Entry,
  type EntryId,
  type HardState,
  type LogIndex,
  type Snapshot,
  type SnapshotMetadata,
  type Term,
} from '../../consensus/types.ts';
import type { Done, LogStore, LogWrite, LostEntries } from '../ports.ts';
import type { Promises } from '../rollback/promises.ts';
import { chainHashBytes, chainHashFrom, chainHashOf, type ChainHash } from './chain-hash.ts';
import { messageOf } from './damage.ts';
import type { EntryPool } from './entry-pool.ts';
import { eraseDeleted } from './erase-deleted.ts';
import { syncWriteAheadFiles } from './level-database.ts';
import { follows } from './log-record.ts';
import { BASE_KEY, HARD_STATE_KEY, RECORD_BOUNDS, encodeBase, encodeHardState, recordKey } from './log-rows.ts';
import type { LogBase } from './log-rows.ts';
import type { LogStoreOptions } from './log-store-options.ts';
import { LogTail } from './log-tail.ts';
import type { MarkFile } from './mark-file.ts';
import type { Mark } from './node-store.ts';
import { packTail } from './pack-tail.ts';
import { Resealing } from './resealing.ts';
import type { SealedBatch, SealedDatabase } from './sealed-database.ts';
import { StoredRecords } from './stored-records.ts';
import type { TermRuns } from './term-runs.ts';
import type { WriteGroup } from './write-group.ts';

/** Keys of dead records that are deleted along with a write, or by themselves while nothing else is to be done. */
const GARBAGE_PER_WRITE_MAX = 256;

/**
 * The Raft log in LevelDB.
 *
 * Memory is ahead of the disk: a write that was accepted is visible at once, and the next disk write takes everything
 * that changed since the one before it, as one synced batch of few large records (group commit). The order on disk:
 * first the mark is lowered where a suffix is about to go, then the batch is written, then the mark follows (synced
 * where a vote or a new term is promised, written at least: what is acknowledged is known to two places even if this
 * process dies at once), then `done` is called. See `mark-file.ts` for what the mark is good for, `log-rows.ts` for the keys.
 */
export class LevelLogStore implements LogStore {
  readonly #database: SealedDatabase;
  readonly #mark: MarkFile;
  readonly #options: LogStoreOptions;
  readonly #terms: TermRuns;
  readonly #records: StoredRecords;
  #tail: LogTail;
  #base: LogBase;
  /** The base on disk. */
  #writtenBase: LogBase;
  #hardState: HardState;
  /** The hard state on disk. */
  #writtenHardState: HardState;
  /** First entry that differs from what was last handed to the disk. */
  #dirtyFrom: LogIndex;
  /** First entry that the write under way replaces: it is in memory only until that write is done. */
  #writingFrom: LogIndex | undefined;
  #baseChanged = false;
  /** Where to compact to as soon as the entries up to there are on disk. */
  #compactLater: LogIndex | undefined;
  #compacted: string[] = [];
  #garbage: string[];
  #waiting: Done[] = [];
  #writing = false;
  #scheduled = false;
  #closing = false;
  #onIdle: (() => void) | undefined;
  /** Told once nothing is left to be deleted. */
  #onTidy: (() => void)[] = [];
  #erasing: Promise<void> | undefined;
  #repair: RepairGoal | undefined;
  #saved: EntryPool | undefined;
  readonly #resealing = new Resealing();
  #snapshotSource: () => SnapshotMetadata | undefined = () => undefined;

  constructor(options: LogStoreOptions) {
    const { recovered } = options;
    this.#options = options;
    this.#database = options.database;
    this.#mark = options.markFile;
    this.#terms = recovered.terms;
    this.#records = new StoredRecords(options.database, recovered.records, recovered.base.epoch);
    this.#tail = recovered.tail;
    this.#base = recovered.base;
    this.#writtenBase = recovered.base;
    this.#hardState = recovered.hardState;
    this.#writtenHardState = recovered.hardState;
    this.#garbage = recovered.garbage;
    this.#repair = recovered.repair?.goal;
    this.#saved = options.saved;
    this.#dirtyFrom = this.#tail.next;
    this.#schedule();
  }

  // -------------------------------------------------------------- reading

  initialState(): { hardState: HardState; confState: ConfState } {
    const applied = this.#options.applied();
    const { term, vote, commit } = this.#hardState;
    // What was applied was committed, even when the commit index on disk is older.
    const knownCommit = Math.max(commit, applied.index) as LogIndex;
    return { hardState: { term, vote, commit: knownCommit }, confState: applied.confState };
  }

  firstIndex(): LogIndex {
    return (this.#base.index + 1) as LogIndex;
  }

  lastIndex(): LogIndex {
    return (this.#tail.next - 1) as LogIndex;
  }

  term(index: LogIndex): Term | LogGap {
    if (index < this.#base.index) return COMPACTED;
    if (index === this.#base.index) return this.#base.term;
    if (index >= this.#tail.next) return UNAVAILABLE;
    const term = this.#terms.termAt(index);
    assert(term !== undefined);
    return term;
  }

  entries(lo: LogIndex, hi: LogIndex, maxBytes: number): Entry[] | LogGap {
    if (lo <= this.#base.index) return COMPACTED;
    if (hi > this.#tail.next) return UNAVAILABLE;
    const entries: Entry[] = [];
    let bytesLeft = maxBytes;
    let next = lo;
    while (next < hi) {
      const chunk = this.#entriesAt(next, hi);
      const count = countWithin(chunk, 0, chunk.length, bytesLeft);
      for (let at = 0; at < count; at += 1) {
        const entry = chunk[at]!;
        bytesLeft -= entryBytes(entry);
        if (bytesLeft < 0 && entries.length > 0) return entries;
        entries.push(entry);
      }
      if (count < chunk.length || bytesLeft <= 0) return entries;
      next = (next + count) as LogIndex;
    }
    return entries;
  }

  /** Some entries from `lo` on and before `hi`, from one place; at least one. */
  #entriesAt(lo: LogIndex, hi: LogIndex): readonly Entry[] {
    if (lo >= this.#tail.first) return this.#tail.slice(lo, hi);
    const { place, record } = this.#records.read(lo);
    return record.entries.slice(lo - place.first, Math.min(hi, place.last + 1) - place.first);
  }

  chainHash(index: LogIndex): Uint8Array {
    return chainHashBytes(this.#hashAt(index));
  }

  #hashAt(index: LogIndex): ChainHash {
    assert(index >= this.#base.index && index < this.#tail.next, `no chain hash is known at ${index}`);
    if (index === this.#base.index) return this.#base.hash;
    if (index >= this.#tail.first - 1) return this.#tail.hashAt(index);
    const { place, record } = this.#records.read(index);
    return record.hashes[index - place.first]!;
  }

  promised(): Promises {
    const { hardState, mark } = this.#mark.content;
    return {
      term: hardState.term,
      vote: hardState.vote,
      entry: this.#furthest({ index: mark.index, term: mark.term }),
    };
  }

  /** A mark that waits for what was lost may stand behind entries of a later leader that were acknowledged since. */
  #furthest(marked: EntryId): EntryId {
    if (this.#repair === undefined || this.#base.epoch !== this.#writtenBase.epoch) return marked;
    const index = (this.#pinnedFrom() - 1) as LogIndex;
    const onDisk = { index, term: this.term(index) as Term };
    return reaches(onDisk, marked) ? onDisk : marked;
  }

  get repair(): RepairGoal | undefined {
    return this.#repair;
  }

  get lost(): LostEntries | undefined {
    if (this.#repair === undefined) return undefined;
    const { hash } = this.#mark.content.mark;
    return {
      hash,
      chain: (before, entry) => chainHashBytes(chainHashOf(chainHashFrom(before), entry)),
      following: (after) => this.#savedAfter(chainHashFrom(after), chainHashFrom(hash)),
    };
  }

  /** What leads to the promised entry comes before anything else. */
  #savedAfter(after: ChainHash, promised: ChainHash): readonly Entry[] {
    if (this.#saved === undefined) return [];
    const path = this.#saved.pathTo(promised, after);
    const rest = this.#saved.pathFrom(path.before === after ? promised : after);
    return path.before === after ? [...path.entries, ...rest.entries] : rest.entries;
  }

  setSnapshotSource(source: () => SnapshotMetadata | undefined): void {
    this.#snapshotSource = source;
  }

  snapshot(): Snapshot | typeof SNAPSHOT_TEMPORARILY_UNAVAILABLE {
    const metadata = this.#snapshotSource();
    return metadata === undefined ? SNAPSHOT_TEMPORARILY_UNAVAILABLE : { metadata, data: EMPTY_BYTES };
  }

  // -------------------------------------------------------------- accepting writes

  append(write: LogWrite, done: Done): void {
    assert(!this.#closing && this.#options.mayWrite(), "the log is closed, or nobody's yet");
    if (write.snapshot !== undefined) this.#restartAfter(write.snapshot.metadata, write.snapshot.chainHash);
    if (write.hardState !== undefined) this.#hardState = write.hardState;
    this.#acceptEntries(write.entries);
    this.#waiting.push(done);
    this.#schedule();
  }

  #restartAfter({ index, term }: SnapshotMetadata, chainHash: Uint8Array): void {
    const hash = chainHashFrom(chainHash);
    assert(index > this.#base.index, `a snapshot at ${index} is not newer than the log's base ${this.#base.index}`);
    this.#base = { epoch: this.#base.epoch + 1, index, term, hash };
    this.#baseChanged = true;
    this.#compactLater = undefined;
    this.#tail = new LogTail((index + 1) as LogIndex, hash);
    this.#dirtyFrom = this.#tail.next;
    this.#terms.clear();
    this.#compacted = this.#compacted.concat(this.#records.restart(this.#base.epoch));
  }

  #acceptEntries(entries: readonly Entry[]): void {
    const fresh = entries.filter((entry) => entry.index > this.#base.index);
    const [first] = fresh;
    if (first === undefined) return;
    assert(first.index <= this.#tail.next, `appending at ${first.index} would leave a gap after ${this.lastIndex()}`);
    if (first.index < this.#tail.next) this.#truncateFrom(first.index);
    let previous = this.term((first.index - 1) as LogIndex) as Term;
    for (const [at, entry] of fresh.entries()) {
      assert(entry.term >= previous, `terms go down at entry ${entry.index}`);
      assert(at === 0 || follows(fresh[at - 1]!, entry), `entry ${entry.index} does not follow the one before it`);
      this.#tail.push(entry);
      this.#terms.push(entry.index, entry.term);
      previous = entry.term;
    }
    this.#dirtyFrom = Math.min(this.#dirtyFrom, first.index) as LogIndex;
  }

  #truncateFrom(index: LogIndex): void {
    if (index >= this.#tail.first) this.#tail.truncateFrom(index);
    else this.#tail = new LogTail(index, this.#hashAt((index - 1) as LogIndex));
    this.#terms.truncateFrom(index);
    this.#dirtyFrom = Math.min(this.#dirtyFrom, index) as LogIndex;
  }

  compact(index: LogIndex): void {
    const term = this.term(index);
    assert(typeof term === 'number', `cannot compact to ${index}: the log holds ${this.firstIndex()} on`);
    if (index === this.#base.index) return;
    if (index >= this.#pinnedFrom()) {
      this.#compactLater = index;
      return;
    }
    this.#compactLater = undefined;
    this.#base = { epoch: this.#base.epoch, index, term, hash: this.#hashAt(index) };
    this.#baseChanged = true;
    this.#terms.dropBefore((index + 1) as LogIndex);
    this.#compacted = this.#compacted.concat(this.#records.takeThrough(index));
    this.#tail.dropBefore((index + 1) as LogIndex);
    this.#schedule();
  }

  async eraseCompacted(): Promise<void> {
    this.#schedule();
    await new Promise<void>((resolve) => this.#onTidy.push(resolve));
    if (this.#closing) return;
    await (this.#erasing = eraseDeleted(this.#database.level, RECORD_BOUNDS));
  }

  /** Seals everything in its database anew that a generation of the keys before this one sealed, durably. */
  async reseal(before: number): Promise<void> {
    const step = (after: string): Promise<string | undefined> => this.#database.resealSome(after, before);
    if (await this.#resealing.run(step, () => this.#schedule())) await syncWriteAheadFiles(this.#database.location);
  }

  /** First entry that is in memory only. */
  #pinnedFrom(): LogIndex {
    return Math.min(this.#dirtyFrom, this.#writingFrom ?? this.#dirtyFrom) as LogIndex;
  }

  // -------------------------------------------------------------- writing

  /** In a microtask: what is accepted in the same turn goes into the same write. */
  #schedule(): void {
    if (this.#scheduled || this.#writing || this.#options.fatal.tripped) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#writing && !this.#options.fatal.tripped) this.#next();
    });
  }

  #next(): void {
    const isTidy = !this.#baseChanged && this.#garbage.length === 0 && this.#compacted.length === 0;
    if (isTidy || this.#closing) for (const resolve of this.#onTidy.splice(0)) resolve();
    if (this.#resealing.isWaiting) this.#run(this.#resealing.take());
    else if (this.#mustSync()) this.#run(this.#writeGroup());
    else if (this.#waiting.length > 0) this.#finishWithoutDisk();
    else if (this.#garbage.length > 0) this.#run(this.#deleteGarbage());
    else this.#onIdle?.();
  }

  #run(work: Promise<void>): void {
    this.#writing = true;
    work.then(
      () => {
        this.#writing = false;
        this.#schedule();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    this.#options.fatal.trip(new Error(`writing the log failed: ${messageOf(error)}`, { cause: error }));
  }

  /** A commit index alone need not be durable: it goes along with the next write. */
  #mustSync(): boolean {
    const { term, vote, commit } = this.#hardState;
    const written = this.#writtenHardState;
    if (this.#dirtyFrom < this.#tail.next || this.#baseChanged) return true;
    if (term !== written.term || vote !== written.vote) return true;
    return this.#closing && commit !== written.commit;
  }

  #finishWithoutDisk(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
    this.#schedule();
  }

  async #writeGroup(): Promise<void> {
    // Again, because more may be accepted while the mark is being synced.
    for (let lower = this.#lowerMark(); lower !== undefined; lower = this.#lowerMark()) await lower;
    const batch = this.#database.begin();
    const group = this.#fill(batch);
    this.#writingFrom = group.from;
    const beganMs = performance.now();
    await batch.write({ sync: true });
    this.#options.onWritten?.(performance.now() - beganMs);
    this.#writingFrom = undefined;
    await this.#finishGroup(group);
  }

  /**
   * Before entries the mark speaks of are replaced, it is lowered to what stays; but not while it says what this node
   * has to reach again.
   */
  #lowerMark(): Promise<void> | undefined {
    if (this.#repair !== undefined) return undefined;
    const { mark, hardState } = this.#mark.content;
    if (this.#base.epoch !== this.#writtenBase.epoch) {
      if (mark.index < this.#base.index || mark.index === this.#writtenBase.index) return undefined;
      // True of the old log and of the new one.
      const { index, term, hash } = this.#writtenBase;
      return this.#syncMark({ hardState, mark: { index, term, hash: chainHashBytes(hash), ackTerm: mark.ackTerm } });
    }
    const kept = (this.#dirtyFrom - 1) as LogIndex;
    if (mark.index <= kept) return undefined;
    return this.#syncMark({ hardState, mark: { ...this.#markAt(kept), ackTerm: mark.ackTerm } });
  }

  #markAt(index: LogIndex): Omit<Mark, 'ackTerm'> {
    return { index, term: this.term(index) as Term, hash: this.chainHash(index) };
  }

  #syncMark(content: MarkFile['content']): Promise<void> {
    this.#mark.update(content);
    return new Promise((resolve) => this.#mark.sync(resolve));
  }

  /** Puts everything that changed into one batch. */
  #fill(batch: SealedBatch): WriteGroup {
    const from = this.#dirtyFrom;
    const base = this.#base;
    if (this.#baseChanged) batch.put(BASE_KEY, encodeBase(base));
    batch.put(HARD_STATE_KEY, encodeHardState(this.#hardState));
    this.#records.cutFrom(from, batch);
    const packed = packTail(this.#tail, from, this.#options.limits.recordBytesMax);
    for (const { place, bytes } of packed) batch.put(recordKey(base.epoch, place.first), bytes);
    for (const key of this.#garbage.splice(0, GARBAGE_PER_WRITE_MAX)) batch.del(key);
    const group: WriteGroup = {
      waiting: this.#waiting,
      hardState: this.#hardState,
      base,
      from,
      last: this.lastIndex(),
      places: packed.map(({ place }) => place),
      compacted: this.#compacted,
    };
    this.#waiting = [];
    this.#compacted = [];
    this.#baseChanged = false;
    this.#dirtyFrom = this.#tail.next;
    return group;
  }

  async #finishGroup(group: WriteGroup): Promise<void> {
    const { term, vote } = this.#writtenHardState;
    const promises = group.hardState.term !== term || group.hardState.vote !== vote;
    const compacts = group.base !== this.#writtenBase;
    this.#writtenHardState = group.hardState;
    this.#writtenBase = group.base;
    // A snapshot that was accepted meanwhile began a new epoch: these records belong to the dead one.
    if (group.base.epoch === this.#base.epoch) this.#takeOver(group);
    else for (const place of group.places) this.#compacted.push(recordKey(group.base.epoch, place.first));
    await this.#followWithMark(group, promises || compacts);
    this.#garbage = this.#garbage.concat(group.compacted);
    const compactLater = this.#compactLater;
    if (compactLater !== undefined && compactLater < this.#pinnedFrom()) this.compact(compactLater);
    for (const done of group.waiting) done();
  }

  #takeOver(group: WriteGroup): void {
    for (const place of group.places) {
      if (place.last > this.#base.index) this.#records.push(place);
      else this.#compacted.push(recordKey(group.base.epoch, place.first));
    }
    this.#tail.shrink(this.#options.limits.logCacheBytesMax, this.#pinnedFrom());
  }

  /**
   * The mark follows the log: to the last entry on disk that is not about to be replaced. When that is before the
   * entry it names now, the new mark has to be durable before the replacing write begins, just as in `#lowerMark`.
   */
  #followWithMark(group: WriteGroup, mustSync: boolean): Promise<void> {
    const { mark } = this.#mark.content;
    const sameLog = group.base.epoch === this.#base.epoch;
    const index = Math.min(group.last, this.#dirtyFrom - 1) as LogIndex;
    const isKnown = sameLog && index >= this.#base.index;
    if (this.#repair !== undefined) return this.#followRepair(isKnown ? index : ZERO_INDEX, group.hardState);
    const known = isKnown ? this.#markAt(index) : mark;
    const content = { hardState: group.hardState, mark: { ...known, ackTerm: group.hardState.term } };
    if (mustSync || known.index < mark.index) return this.#syncMark(content);
    return new Promise((resolve) => this.#mark.update(content, resolve));
  }

  /** The mark stays ahead of a log that lost entries, until the entries up to `index` and `hardState` make up for them. */
  #followRepair(index: LogIndex, hardState: HardState): Promise<void> {
    const { mark } = this.#mark.content;
    const { entry, commit } = this.#repair!;
    const term = this.term(index);
    const isWhole = typeof term === 'number' && reaches({ index, term }, entry) && hardState.commit >= commit;
    if (isWhole) {
      this.#repair = undefined;
      this.#saved = undefined;
      return this.#syncMark({ hardState, mark: { ...this.#markAt(index), ackTerm: hardState.term } });
    }
    const copy = { ...hardState, commit: Math.max(hardState.commit, commit) as LogIndex };
    return this.#syncMark({ hardState: copy, mark: { ...mark, ackTerm: hardState.term } });
  }

  async #deleteGarbage(): Promise<void> {
    const batch = this.#database.begin();
    for (const key of this.#garbage.splice(0, GARBAGE_PER_WRITE_MAX)) batch.del(key);
    await batch.write();
  }

  // -------------------------------------------------------------- closing

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#resealing.giveUp();
    const { fatal } = this.#options;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      fatal.onTrip(resolve);
      this.#schedule();
    });
    await this.#erasing?.catch(() => {});
    await this.#mark.close();
    await this.#database.close();
  }
}
