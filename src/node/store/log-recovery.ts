import type { HardState, LogIndex } from '../../consensus/types.ts';
import { chainHashFrom } from './chain-hash.ts';
import { damageUnlessRefused, damaged } from './damage.ts';
import type { Database } from './level-database.ts';
import { unpackRecord, type LogRecord } from './log-record.ts';
import {
  BASE_KEY,
  HARD_STATE_KEY,
  RECORD_RANGE,
  decodeBase,
  decodeHardState,
  parseRecordKey,
  recordKey,
  type LogBase,
} from './log-rows.ts';
import { LogTail } from './log-tail.ts';
import type { MarkContent } from './mark-slot.ts';
import type { Mark } from './node-store.ts';
import { RecordIndex } from './record-index.ts';
import { TermRuns } from './term-runs.ts';

/** Everything a log store keeps in memory, as it is read from the disk. */
export interface RecoveredLog {
  readonly base: LogBase;
  readonly hardState: HardState;
  readonly tail: LogTail;
  readonly terms: TermRuns;
  readonly records: RecordIndex;
  /** Keys of records that are no longer part of the log. */
  readonly garbage: string[];
}

const READ_AHEAD_RECORDS = 64;

/**
 * Reads the whole retained log and verifies the chain of hashes from its base to its end, then compares it with the
 * mark and the copy of the hard state beside the database.
 *
 * @throws ParleyError `damaged` when anything is missing or altered
 */
export async function recoverLog(
  database: Database,
  beside: MarkContent,
  cacheBytesMax: number,
): Promise<RecoveredLog> {
  try {
    const log = await readLog(database, cacheBytesMax);
    checkHardState(log, beside.hardState);
    await checkMark(database, log, beside.mark);
    return log;
  } catch (error) {
    // Whatever LevelDB complains about while it reads is damage, too.
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('LEVEL_')) {
      throw damageUnlessRefused('log', 'log', error);
    }
    throw error;
  }
}

async function readLog(database: Database, cacheBytesMax: number): Promise<RecoveredLog> {
  const base = rowOf(await database.get(BASE_KEY), decodeBase, 'the row that says where it begins');
  const hardState = rowOf(await database.get(HARD_STATE_KEY), decodeHardState, 'the hard state');
  const reader = new LogReader(base, hardState, cacheBytesMax);
  const iterator = database.iterator({ ...RECORD_RANGE });
  try {
    for (;;) {
      const rows = await iterator.nextv(READ_AHEAD_RECORDS);
      if (rows.length === 0) break;
      for (const [key, value] of rows) reader.take(key, value);
    }
  } finally {
    await iterator.close();
  }
  return reader.finish();
}

function rowOf<T>(value: Uint8Array | undefined, decode: (value: Uint8Array) => T | undefined, what: string): T {
  if (value === undefined) throw logDamage(`${what} is missing`);
  const row = decode(value);
  if (row === undefined) throw logDamage(`the checksum of ${what} does not match`);
  return row;
}

class LogReader {
  readonly #log: RecoveredLog;
  readonly #cacheBytesMax: number;

  constructor(base: LogBase, hardState: HardState, cacheBytesMax: number) {
    const tail = new LogTail((base.index + 1) as LogIndex, base.hash);
    this.#log = { base, hardState, tail, terms: new TermRuns(), records: new RecordIndex(), garbage: [] };
    this.#cacheBytesMax = cacheBytesMax;
  }

  take(key: string, value: Uint8Array): void {
    const place = parseRecordKey(key);
    const { base, tail } = this.#log;
    if (place === undefined || place.epoch > base.epoch) throw logDamage(`a record has the impossible key ${key}`);
    if (place.epoch < base.epoch) {
      this.#log.garbage.push(key);
      return;
    }
    const record = unpackRecord(value);
    if (record === undefined || record.entries[0]!.index !== place.first) {
      throw logDamage(`the record at entry ${place.first} does not match its hashes`);
    }
    const last = record.entries.at(-1)!.index;
    // A compaction's deletes are not synced: records before the base may come back.
    if (last <= base.index && tail.next === base.index + 1) this.#log.garbage.push(key);
    else this.#takeEntries(record, place.first, last);
  }

  #takeEntries(record: LogRecord, first: LogIndex, last: LogIndex): void {
    const { base, tail, terms, records } = this.#log;
    const next = tail.next;
    const skip = next - first;
    const isFirst = next === base.index + 1;
    if (skip < 0) throw logDamage(`entries ${next} to ${first - 1} are missing`);
    if (skip > 0 && !isFirst) throw logDamage(`entry ${first} is there twice`);
    const before = skip === 0 ? record.before : record.hashes[skip - 1];
    if (before !== tail.hashAt((next - 1) as LogIndex)) throw logDamage(`the chain of hashes breaks at entry ${next}`);
    const previous = isFirst ? base.term : terms.termAt((next - 1) as LogIndex)!;
    if (record.entries[skip]!.term < previous) throw logDamage(`terms go down at entry ${next}`);
    for (let at = skip; at < record.entries.length; at += 1) {
      const entry = record.entries[at]!;
      tail.push(entry, record.hashes[at]);
      terms.push(entry.index, entry.term);
    }
    records.push({ first, last, hash: record.hashes.at(-1)! });
    tail.shrink(this.#cacheBytesMax, last);
  }

  finish(): RecoveredLog {
    const { base, hardState, tail, terms } = this.#log;
    const last = (tail.next - 1) as LogIndex;
    if (hardState.commit > Math.max(last, base.index)) {
      throw logDamage(`it ends at entry ${last}, but entries up to ${hardState.commit} were committed`);
    }
    const lastTerm = terms.termAt(last) ?? base.term;
    if (lastTerm > hardState.term) {
      throw logDamage(`it has entries of term ${lastTerm}, but its hard state is of term ${hardState.term}`);
    }
    return this.#log;
  }
}

function checkHardState(log: RecoveredLog, copy: HardState): void {
  const { term, vote } = log.hardState;
  const older = term < copy.term || (term === copy.term && vote !== copy.vote && copy.vote !== 0);
  if (older) {
    throw logDamage(`it says term ${term} and vote ${vote}, but term ${copy.term} and vote ${copy.vote} were promised`);
  }
}

async function checkMark(database: Database, log: RecoveredLog, mark: Mark): Promise<void> {
  const last = log.tail.next - 1;
  if (mark.index > last) throw logDamage(`it ends at entry ${last}, but entries up to ${mark.index} were acknowledged`);
  if (mark.index < log.base.index) return;
  const wanted = chainHashFrom(mark.hash);
  if ((await hashAt(database, log, mark.index)) !== wanted) {
    throw logDamage(`entry ${mark.index} is not the one that was acknowledged`);
  }
}

async function hashAt(database: Database, log: RecoveredLog, index: LogIndex): Promise<string | undefined> {
  if (index === log.base.index) return log.base.hash;
  if (index >= log.tail.first - 1) return log.tail.hashAt(index);
  const place = log.records.find(index);
  if (place === undefined) return undefined;
  const value = await database.get(recordKey(log.base.epoch, place.first));
  const record = value === undefined ? undefined : unpackRecord(value);
  return record?.hashes[index - place.first];
}

export function logDamage(reason: string): Error {
  return damaged('log', 'log', reason);
}
