import assert from 'node:assert/strict';
import { ZERO_INDEX, type LogIndex } from '../../consensus/types.ts';
import { damageOf, damageUnlessRefused } from './damage.ts';
import { packRecord, unpackRecord, type LogRecord } from './log-record.ts';
import { logDamage } from './log-recovery.ts';
import { recordKey } from './log-rows.ts';
import type { RecordIndex, RecordPlace } from './record-index.ts';
import type { SealedBatch, SealedDatabase } from './sealed-database.ts';

/** Unpacked records that are kept for followers that read through the log. */
const UNPACKED_MAX = 8;

/** The records of one epoch of the log on disk: reads them back, each checked, and takes them out again. */
export class StoredRecords {
  readonly #database: SealedDatabase;
  readonly #places: RecordIndex;
  readonly #unpacked = new Map<string, LogRecord>();
  #epoch: number;

  constructor(database: SealedDatabase, places: RecordIndex, epoch: number) {
    this.#database = database;
    this.#places = places;
    this.#epoch = epoch;
  }

  /** A record that was written, right after the last one. */
  push(place: RecordPlace): void {
    this.#places.push(place);
  }

  /**
   * The record that holds `index`, which has to be on disk.
   *
   * @throws ParleyError `damaged` when it is not the one that was written
   */
  read(index: LogIndex): { readonly place: RecordPlace; readonly record: LogRecord } {
    const place = this.#places.find(index);
    assert(place !== undefined, `entry ${index} is in no record`);
    return { place, record: this.#recordAt(place) };
  }

  #recordAt(place: RecordPlace): LogRecord {
    const key = recordKey(this.#epoch, place.first);
    const record = this.#unpacked.get(key) ?? this.#load(key);
    // A record on disk may still be longer than its place says: its end was replaced, the write is under way.
    if (record.entries[0]?.index !== place.first || record.hashes[place.last - place.first] !== place.hash) {
      throw logDamage(`the record at entry ${place.first} is not the one that was written`);
    }
    return record;
  }

  #load(key: string): LogRecord {
    let value;
    try {
      value = this.#database.getSync(key);
    } catch (error) {
      throw damageOf(error) === undefined ? damageUnlessRefused('log', 'log', error) : error;
    }
    const record = value === undefined ? undefined : unpackRecord(value);
    if (record === undefined) throw logDamage(`the record ${key} does not match its hashes`);
    if (this.#unpacked.size >= UNPACKED_MAX) {
      for (const oldest of this.#unpacked.keys()) {
        this.#unpacked.delete(oldest);
        break;
      }
    }
    this.#unpacked.set(key, record);
    return record;
  }

  /**
   * Takes out everything from `from` on. A record that begins before it is cut; what is left of it can be read all
   * the time.
   *
   * @throws ParleyError `damaged` when that record is not the one that was written
   */
  cutFrom(from: LogIndex, batch: SealedBatch): void {
    for (const place of this.#places.takeFrom(from)) {
      const key = recordKey(this.#epoch, place.first);
      if (place.first >= from) {
        this.#unpacked.delete(key);
        batch.del(key);
        continue;
      }
      const { before, entries } = this.#recordAt(place);
      this.#unpacked.delete(key);
      const packed = packRecord(before, entries.slice(0, from - place.first));
      batch.put(key, packed.bytes);
      this.#places.push({ first: place.first, last: (from - 1) as LogIndex, hash: packed.hashes.at(-1)! });
    }
  }

  /** Takes out the records that hold nothing after `index`. @returns their keys, to be deleted later */
  takeThrough(index: LogIndex): string[] {
    return this.#keysOf(this.#places.takeThrough(index));
  }

  /** Goes on empty in another epoch. @returns the keys of the records of this one, to be deleted later */
  restart(epoch: number): string[] {
    const keys = this.#keysOf(this.#places.takeFrom(ZERO_INDEX));
    this.#epoch = epoch;
    return keys;
  }

  #keysOf(places: readonly RecordPlace[]): string[] {
    const keys = places.map((place) => recordKey(this.#epoch, place.first));
    for (const key of keys) this.#unpacked.delete(key);
    return keys;
  }
}
