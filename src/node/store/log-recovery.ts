import type { RepairGoal } from '../../consensus/repair.ts';
import type { HardState, LogIndex, Term } from '../../consensus/types.ts';
import { chainHashFrom } from './chain-hash.ts';
import { damageUnlessRefused, damaged } from './damage.ts';
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
import type { SealedDatabase } from './sealed-database.ts';
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
  /** Set when it is sound, but does not hold all that this node has promised. */
  readonly repair: LogRepair | undefined;
}

export interface LogRepair {
  readonly goal: RepairGoal;
  /** One sentence for people. */
  readonly reason: string;
}

const READ_AHEAD_RECORDS = 64;

/**
 * Reads the whole retained log and verifies the chain of hashes from its base to its end, then compares it with the
 * mark and the copy of the hard state beside the database.
 *
 * @param mayRepair whether a log that is sound, but falls short of what was promised, is to be opened all the same
 * @throws ParleyError `damaged` when anything is missing or altered
 */
export async function recoverLog(
  database: SealedDatabase,
  beside: MarkContent,
  { cacheBytesMax, mayRepair }: { readonly cacheBytesMax: number; readonly mayRepair: boolean },
): Promise<RecoveredLog> {
  try {
    const log = await readLog(database, cacheBytesMax);
    const reason =
      ownShortfall(log) ??
      hardStateShortfall(log, beside.hardState) ??
      (await markShortfall(database, log, beside.mark));
    if (mayRepair && (reason !== undefined || log.hardState.commit < beside.hardState.commit)) {
      return withRepair(log, beside, reason ?? 'it does not know how far it was committed');
    }
    if (reason !== undefined) throw logDamage(reason);
    return log;
  } catch (error) {
    // Whatever LevelDB complains about while it reads is damage, too.
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('LEVEL_')) {
      throw damageUnlessRefused('log', 'log', error);
    }
    throw error;
  }
}

/**
 * How far the entries are committed is not believed: where writes are missing, what was committed at an index may be
 * another entry than the one that is left. Leader and state will tell.
 */
function withRepair(log: RecoveredLog, { mark, hardState: copy }: MarkContent, reason: string): RecoveredLog {
  const { term, vote } = newerHardState(log.hardState, copy);
  if (lastTermOf(log) > term)
    throw logDamage(`it has entries of term ${lastTermOf(log)}, but term ${term} is the last`);
  const commit = Math.max(log.hardState.commit, copy.commit) as LogIndex;
  const goal: RepairGoal = { entry: { index: mark.index, term: mark.term }, commit };
  return { ...log, hardState: { term, vote, commit: log.base.index }, repair: { goal, reason } };
}

/** A vote is kept for its term: of two copies of one term, the one that knows of a vote is the newer. */
export function newerHardState(a: HardState, b: HardState): HardState {
  if (a.term !== b.term) return a.term > b.term ? a : b;
  return a.vote === 0 ? b : a;
}

async function readLog(
  database: SealedDatabase,
  cacheBytesMax: number,
  pause?: () => Promise<void>,
): Promise<RecoveredLog> {
  const snapshot = database.snapshot();
  try {
    const base = rowOf(await database.get(BASE_KEY, snapshot), decodeBase, 'the row that says where it begins');
    const hardState = rowOf(await database.get(HARD_STATE_KEY, snapshot), decodeHardState, 'the hard state');
    const reader = new LogReader(base, hardState, cacheBytesMax);
    const iterator = database.iterate({ ...RECORD_RANGE, snapshot, fillCache: pause === undefined });
    try {
      for (;;) {
        const rows = await iterator.nextv(READ_AHEAD_RECORDS);
        if (rows.length === 0) return reader.finish();
        for (const [key, value] of rows) reader.take(key, value);
        await pause?.();
      }
    } finally {
      await iterator.close();
    }
  } finally {
    await snapshot.close();
  }
}

/**
 * Reads all of a log that is in use and verifies its chain.
 * @throws ParleyError `damaged`
 */
export async function verifyLog(database: SealedDatabase, pause: () => Promise<void>): Promise<void> {
  await readLog(database, 0, pause);
}

function rowOf<T>(value: Uint8Array | undefined, decode: (value: Uint8Array) => T | undefined, what: string): T {
  if (value === undefined) throw logDamage(`${what} is missing`);
  const row = decode(value);
  if (row === undefined) throw logDamage(`${what} is malformed`);
  return row;
}

/** Takes records in order and verifies that they continue each other; throws `damaged` at the first that does not. */
export class LogReader {
  readonly #log: RecoveredLog;
  readonly #cacheBytesMax: number;

  constructor(base: LogBase, hardState: HardState, cacheBytesMax: number) {
    const tail = new LogTail((base.index + 1) as LogIndex, base.hash);
    this.#log = {
      base,
      hardState,
      tail,
      terms: new TermRuns(),
      records: new RecordIndex(),
      garbage: [],
      repair: undefined,
    };
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
    return this.#log;
  }
}

const lastIndexOf = ({ tail }: RecoveredLog): LogIndex => (tail.next - 1) as LogIndex;
const lastTermOf = (log: RecoveredLog): Term => log.terms.termAt(lastIndexOf(log)) ?? log.base.term;

/** What a log lacks by its own account. */
function ownShortfall(log: RecoveredLog): string | undefined {
  const last = lastIndexOf(log);
  const { term, commit } = log.hardState;
  if (commit > Math.max(last, log.base.index)) {
    return `it ends at entry ${last}, but entries up to ${commit} were committed`;
  }
  if (lastTermOf(log) > term) return `it has entries of term ${lastTermOf(log)}, but its hard state is of term ${term}`;
  return undefined;
}

function hardStateShortfall(log: RecoveredLog, copy: HardState): string | undefined {
  const { term, vote } = log.hardState;
  const older = term < copy.term || (term === copy.term && vote !== copy.vote && copy.vote !== 0);
  if (!older) return undefined;
  return `it says term ${term} and vote ${vote}, but term ${copy.term} and vote ${copy.vote} were promised`;
}

/** @throws ParleyError `damaged` for another entry of the same term, which there cannot be */
async function markShortfall(database: SealedDatabase, log: RecoveredLog, mark: Mark): Promise<string | undefined> {
  const last = lastIndexOf(log);
  if (mark.index > last) return `it ends at entry ${last}, but entries up to ${mark.index} were acknowledged`;
  if (mark.index < log.base.index) return undefined;
  if ((await hashAt(database, log, mark.index)) === chainHashFrom(mark.hash)) return undefined;
  const reason = `entry ${mark.index} is not the one that was acknowledged`;
  const term = mark.index === log.base.index ? log.base.term : log.terms.termAt(mark.index);
  if (term === mark.term) throw logDamage(reason);
  return reason;
}

async function hashAt(database: SealedDatabase, log: RecoveredLog, index: LogIndex): Promise<string | undefined> {
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
