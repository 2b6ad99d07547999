import type { EntryId, LogIndex, Term } from '../../consensus/types.ts';
import type { RowSeal } from '../at-rest/row-seal.ts';
import { chainHashBytes } from './chain-hash.ts';
import { damageOf, damageUnlessRefused, damaged } from './damage.ts';
import { EntryPool } from './entry-pool.ts';
import { readPieces, type LogPieces } from './log-pieces.ts';
import { newerHardState, type RecoveredLog } from './log-recovery.ts';
import { asidePath, isThere, replaceLog, suspectPath, type NewLog } from './log-salvage.ts';
import type { MarkFile } from './mark-file.ts';
import type { MarkContent } from './mark-slot.ts';
import {
  LOG_FOLDER,
  logDatabaseOptions,
  logPath,
  openAndRecover,
  type BrokenLog,
  type OpenLogOptions,
  type OpenedLog,
} from './open-log.ts';
import { planLog, type PlannedLog } from './plan-log.ts';

/**
 * Makes of the pieces of a damaged log what can be made without help. The log is open afterwards, and either whole or
 * one that its peers have to complete.
 *
 * @param applied the last entry that the state contains
 * @throws ParleyError `damaged`
 */
export async function completeLog(options: OpenLogOptions, broken: BrokenLog, applied: EntryId): Promise<OpenedLog> {
  const { markFile, damage } = broken;
  const pieces = await readPiecesOf(logPath(options.dir), options.seals.log);
  await rememberCommit(markFile, pieces);
  const { content } = markFile;
  const { epoch } = pieces.base ?? { epoch: 1 };
  const witness = { mark: content.mark, applied, commit: committedOf(content) };
  const nothing: LogPieces = { base: undefined, hardState: undefined, pool: new EntryPool() };
  // What was planned is checked as any log is when it is opened.
  for (const found of [pieces, nothing]) {
    const log = newLog(planLog(found, witness), { pieces, content, epoch });
    await replaceBy(options, log);
    const { base, entries, reachesMark } = log;
    options.logger.error(
      { damage, beginsAfter: base.index, keptTo: base.index + entries.length },
      reachesMark
        ? 'the log is damaged: it is set aside, all that was promised could be saved'
        : 'the log is damaged: it is set aside, what is missing is asked for',
    );
    try {
      const { database, recovered } = await openAndRecover(options, { content, mayRepair: true });
      const repair = recovered.repair && { ...recovered.repair, reason: damage.reason };
      return { kind: 'open', markFile, database, recovered: { ...recovered, repair } };
    } catch (error) {
      if (damageOf(error) === undefined) throw error;
    }
  }
  throw damaged(damage.part, damage.where, damage.reason);
}

async function readPiecesOf(location: string, seal: RowSeal): Promise<LogPieces> {
  const suspect = suspectPath(location);
  return readPieces((await isThere(suspect)) ? suspect : location, seal);
}

/** What was committed stays known, also where the mark is a little older than what is left of the log. */
async function rememberCommit(markFile: MarkFile, { hardState }: LogPieces): Promise<void> {
  const { content } = markFile;
  if (hardState === undefined || hardState.commit <= content.hardState.commit) return;
  markFile.update({ ...content, hardState: { ...content.hardState, commit: hardState.commit } });
  await new Promise<void>((resolve) => markFile.sync(resolve));
}

/** How far the entries are committed is believed up to the mark: beyond, they may be others than those that were. */
const committedOf = ({ hardState, mark }: MarkContent): LogIndex => Math.min(hardState.commit, mark.index) as LogIndex;

function newLog(
  planned: PlannedLog,
  { pieces, content, epoch }: { readonly pieces: LogPieces; readonly content: MarkContent; readonly epoch: number },
): NewLog {
  const { hardState: copy } = content;
  const { term, vote } = pieces.hardState === undefined ? copy : newerHardState(pieces.hardState, copy);
  const base = { ...planned.base, epoch };
  // Entries of a later term were being written when the process ended: nothing was promised in that term.
  const end = planned.entries.findIndex((entry) => entry.term > term);
  const entries = end < 0 ? planned.entries : planned.entries.slice(0, end);
  const known = planned.reachesMark ? committedOf(content) : base.index;
  const commit = Math.max(known, base.index) as LogIndex;
  return { base, entries, reachesMark: planned.reachesMark, hardState: { term, vote, commit } };
}

async function replaceBy(options: OpenLogOptions, log: NewLog): Promise<void> {
  try {
    await replaceLog(log, {
      dir: options.dir,
      folder: LOG_FOLDER,
      database: logDatabaseOptions(options, false),
      recordBytesMax: options.limits.recordBytesMax,
      seal: options.seals.log,
    });
  } catch (error) {
    throw damageUnlessRefused('log', LOG_FOLDER, error);
  }
}

/**
 * What of a damaged log could be read, but not be used yet: there is a gap before it. Kept in memory until the log is
 * whole again.
 */
export async function savedEntries({ dir, seals }: OpenLogOptions): Promise<EntryPool> {
  return (await readPieces(asidePath(logPath(dir)), seals.log)).pool;
}

/**
 * A crash between a write of the log and that of the mark leaves the mark behind. The core takes all that the log
 * holds as stored and may vote or acknowledge accordingly without another write: so the mark says so first. The mark
 * of a log that falls short of it stays, and remembers what else is known of the old one.
 */
export async function catchUp(markFile: MarkFile, recovered: RecoveredLog): Promise<void> {
  const { base, hardState, tail, terms, repair } = recovered;
  const { mark, hardState: copy } = markFile.content;
  const index = (tail.next - 1) as LogIndex;
  const sameVote = copy.term === hardState.term && copy.vote === hardState.vote;
  if (sameVote && (repair === undefined ? mark.index === index : copy.commit === repair.goal.commit)) return;
  const ackTerm = Math.max(mark.ackTerm, hardState.term) as Term;
  if (repair === undefined) {
    const term = index === base.index ? base.term : terms.termAt(index)!;
    markFile.update({ hardState, mark: { index, term, hash: chainHashBytes(tail.hashAt(index)), ackTerm } });
  } else {
    markFile.update({ hardState: { ...hardState, commit: repair.goal.commit }, mark: { ...mark, ackTerm } });
  }
  await new Promise<void>((resolve) => markFile.sync(resolve));
}
