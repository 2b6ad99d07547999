import assert from 'node:assert/strict';
import type { LogIndex } from '../../consensus/types.ts';
import type { StateSnapshotHeader } from '../ports.ts';
import { damageOf, damaged } from './damage.ts';
import {
  beginBatch,
  iterate,
  openDatabase,
  openFailure,
  syncWriteAheadFiles,
  type Database,
} from './level-database.ts';
import { MultisetHash } from './multiset-hash.ts';
import type { StoreDamage } from './node-store.ts';
import {
  APPLIED_KEY,
  DURABLE_KEY,
  ROW_RANGE,
  RowReader,
  decodeApplied,
  encodeApplied,
  encodeIndex,
  keyOfRow,
  markerKey,
  rowKeyOf,
  type AppliedRow,
} from './state-rows.ts';
import { RowIterator, levelDamage } from './row-iterator.ts';
import { recoverState, type RecoveredState } from './state-recovery.ts';

const BLOCK_CACHE_BYTES = 32 * 1024 * 1024;
const ROWS_PER_STEP = 1024;
/** Each reading is a trip to another thread and back; what it brings is checked in one turn of the event loop. */
const BYTES_PER_READ = 256 * 1024;

/** Rows of one or more applied entries, in the form in which they are stored; undefined for a deleted one. */
export interface RowGroup {
  readonly rows: Iterable<readonly [rowKey: string, stored: Uint8Array | undefined]>;
  /** The state after them. */
  readonly applied: AppliedRow;
}

/** One LevelDB with a state in it: what is on disk, and how much of it would survive a power cut. */
export class StateDatabase {
  readonly location: string;
  /** For messages: the folder's name in the data directory. */
  readonly where: string;
  /** Header of the snapshot this state began with. */
  readonly installedFrom: StateSnapshotHeader | undefined;
  /** Told of damage that reading finds, before it is thrown. */
  onDamage: ((damage: StoreDamage) => void) | undefined;
  readonly #database: Database;
  readonly #reader: RowReader;
  #applied: AppliedRow;
  #durableIndex: LogIndex;
  #writtenDurableIndex: LogIndex;
  /** Batches since the one that `#writtenDurableIndex` names, oldest first. */
  #markers: LogIndex[];

  constructor(database: Database, where: string, content: RecoveredState) {
    this.location = database.location;
    this.where = where;
    this.#database = database;
    this.#reader = new RowReader(where);
    this.#applied = content.applied;
    this.installedFrom = content.installedFrom;
    // Opening a LevelDB makes all that it recovered durable.
    this.#durableIndex = content.applied.index;
    this.#writtenDurableIndex = content.durable;
    this.#markers = [...content.markers];
  }

  /** @throws ParleyError `damaged` when it cannot be opened, or a batch is missing */
  static async open(location: string, where: string, writeBufferBytes: number): Promise<StateDatabase> {
    let database;
    try {
      database = await openDatabase(location, {
        createIfMissing: false,
        writeBufferBytes,
        blockCacheBytes: BLOCK_CACHE_BYTES,
      });
    } catch (error) {
      throw openFailure(error, 'state', where);
    }
    try {
      return new StateDatabase(database, where, await recoverState(database, where));
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  get applied(): AppliedRow {
    return this.#applied;
  }

  get durableIndex(): LogIndex {
    return this.#durableIndex;
  }

  /** Batches a crash would have to be checked for. */
  get markers(): number {
    return this.#markers.length;
  }

  /** @throws ParleyError `damaged` */
  get(key: string): Uint8Array | undefined {
    try {
      const stored = this.#database.getSync(rowKeyOf(key));
      return stored === undefined ? undefined : this.#reader.value(key, stored);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** Rows between two keys as they are on disk now. */
  rows(range: { gte?: string; lt?: string; limit?: number; reverse?: boolean }): RowIterator {
    const iterator = iterate(this.#database, {
      gte: range.gte === undefined ? ROW_RANGE.gte : rowKeyOf(range.gte),
      lt: range.lt === undefined ? ROW_RANGE.lt : rowKeyOf(range.lt),
      limit: range.limit ?? -1,
      reverse: range.reverse ?? false,
      fillCache: range.limit !== undefined,
      highWaterMarkBytes: BYTES_PER_READ,
    });
    return new RowIterator(iterator, this.where, (error) => this.#explain(error));
  }

  /** Writes without sync. One at a time. */
  async write(group: RowGroup): Promise<void> {
    const { index } = group.applied;
    assert(index > this.#applied.index);
    const batch = beginBatch(this.#database);
    for (const [rowKey, stored] of group.rows) {
      if (stored === undefined) batch.del(rowKey);
      else batch.put(rowKey, stored);
    }
    batch.put(APPLIED_KEY, encodeApplied(group.applied));
    batch.put(markerKey(index), encodeIndex(markerKey(index), this.#applied.index));
    const durable = this.#durableIndex;
    if (durable > this.#writtenDurableIndex) {
      batch.put(DURABLE_KEY, encodeIndex(DURABLE_KEY, durable));
      for (const marker of this.#markers) if (marker <= durable) batch.del(markerKey(marker));
    }
    await batch.write();
    this.#applied = group.applied;
    this.#markers.push(index);
    if (durable > this.#writtenDurableIndex) {
      this.#writtenDurableIndex = durable;
      this.#markers = this.#markers.filter((marker) => marker > durable);
    }
  }

  /** Makes everything that was written durable. */
  async sync(): Promise<void> {
    const { index } = this.#applied;
    if (index === this.#durableIndex) return;
    await syncWriteAheadFiles(this.location);
    this.#durableIndex = Math.max(this.#durableIndex, index) as LogIndex;
  }

  /**
   * Reads every row and hashes them all, in small steps, while writes go on.
   *
   * @throws ParleyError `damaged` when the rows are not those that were written
   */
  async verify(pause?: () => Promise<void>): Promise<AppliedRow> {
    const snapshot = this.#database.snapshot();
    try {
      const stored = await this.#database.get(APPLIED_KEY, { snapshot });
      const applied = stored === undefined ? undefined : decodeApplied(stored);
      if (applied === undefined) throw damaged('state', this.where, 'the row that says how far it came is damaged');
      const found = await this.#hashRows(snapshot, pause);
      if (found.hex() !== applied.hash.hex()) {
        throw damaged(
          'state',
          this.where,
          `its rows do not add up to its hash (${found.rows} of ${applied.hash.rows})`,
        );
      }
      return applied;
    } catch (error) {
      throw this.#explain(error);
    } finally {
      await snapshot.close();
    }
  }

  async #hashRows(snapshot: ReturnType<Database['snapshot']>, pause?: () => Promise<void>): Promise<MultisetHash> {
    const found = new MultisetHash();
    const reader = new RowReader(this.where);
    const iterator = iterate(this.#database, {
      ...ROW_RANGE,
      snapshot,
      fillCache: false,
      highWaterMarkBytes: BYTES_PER_READ,
    });
    try {
      for (;;) {
        const rows = await iterator.nextv(ROWS_PER_STEP);
        if (rows.length === 0) return found;
        for (const [rowKey, value] of rows) {
          reader.value(keyOfRow(rowKey), value);
          found.addDigest(reader.digest);
        }
        await pause?.();
      }
    } finally {
      await iterator.close();
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #explain(error: unknown): unknown {
    const explained = levelDamage(error, this.where);
    const damage = damageOf(explained);
    if (damage !== undefined) this.onDamage?.(damage);
    return explained;
  }
}
