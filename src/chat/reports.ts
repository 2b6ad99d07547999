import { contentTagOf } from '../crypto/content-tag.ts';
import { decodeEnvelope } from '../protocol/envelope.ts';
import { LIMITS } from '../protocol/limits.ts';
import { audit } from './audit.ts';
import { KEYS } from './keys.ts';
import { messageAt } from './relations.ts';
import { accept, reject } from './results.ts';
import { enter } from './room-entry.ts';
import { sameBytes } from './roster.ts';
import { checkAdmin } from './server-admin.ts';
import type { RevealedMessage } from '../protocol/commands.ts';
import type { AccountId, RoomId, Seq, StampMs } from '../protocol/ids.ts';
import type { ReportRow, RevealedRow } from './report-rows.ts';
import type { Handler, Rejection } from './results.ts';
import type { Work } from './work.ts';

/**
 * A member tells the admins of the server of a message. What was written they learn only as far as the reporter reveals
 * it, and cannot be deceived about it: whoever opens the content tag of an envelope shows what its author has signed
 * (message franking, as in Facebook's “Messenger Secret Conversations”, 2017).
 */
export const createReport: Handler<'report.create'> = (work, { actor, body }) => {
  const { room, seq, reason, revealed } = body;
  const place = enter(work, actor, room);
  if (!place.ok) return place;
  const { self } = place;
  const message = seq < self.joinedSeq ? undefined : messageAt(work, room, seq);
  if (message === undefined || message.gone !== null) return reject('no_such_message');
  const shown: RevealedRow[] = [];
  for (const one of revealed) {
    const opened = openRevealed(work, room, self.joinedSeq, one);
    if (!('seq' in opened)) return opened;
    shown.push(opened);
  }
  const reports = work.reportCounts.get('reports') ?? { nextId: 1, kept: 0 };
  const open = work.openReports.get(self.account) ?? 0;
  if (open >= LIMITS.openReportsPerAccountMax) return reject('too_many', 'So many of your reports wait already.');
  if (reports.kept >= LIMITS.reportsMax) return reject('too_many', 'This server keeps as many reports as it may.');

  const id = reports.nextId;
  const expiresAt = (work.stampMs + LIMITS.reportTtlMs) as StampMs;
  const about = { by: self.account, at: work.stampMs, room, seq, from: message.from, reason };
  work.reports.put(id, { ...about, revealed: shown, expiresAt, resolved: null });
  work.expireAt(expiresAt, KEYS.report(id));
  work.reportCounts.put('reports', { nextId: id + 1, kept: reports.kept + 1 });
  work.openReports.put(self.account, open + 1);
  audit(work, 'report.created', { room, accounts: [message.from], count: id });
  return accept<'report.create'>({ report: id });
};

/** Says what was done about it; it may be said anew. */
export const resolveReport: Handler<'report.resolve'> = (work, command) => {
  const refusal = checkAdmin(work, command);
  if (refusal !== undefined) return refusal;
  const { report, resolution } = command.body;
  const row = work.reports.get(report);
  if (row === undefined) return reject('no_such_report');
  if (row.resolved === null) closeOne(work, row.by);
  const resolved = { by: command.actor?.account ?? null, at: work.stampMs, resolution };
  work.reports.put(report, { ...row, resolved });
  audit(work, 'report.resolved', { accounts: [row.from], value: resolution, count: report });
  return accept<'report.resolve'>({ report });
};

/** @returns whether it is gone: its time is over */
export function expireReport(work: Work, report: number): boolean {
  const row = work.reports.get(report);
  if (row === undefined || row.expiresAt > work.stampMs) return false;
  work.reports.delete(report);
  if (row.resolved === null) closeOne(work, row.by);
  const counts = work.reportCounts.get('reports')!;
  work.reportCounts.put('reports', { ...counts, kept: counts.kept - 1 });
  return true;
}

/** One report of this account waits no more. */
function closeOne(work: Work, by: ReportRow['by']): void {
  const open = work.openReports.get(by)! - 1;
  if (open > 0) work.openReports.put(by, open);
  else work.openReports.delete(by);
}

function openRevealed(
  work: Work,
  room: RoomId,
  joinedSeq: Seq,
  { seq, r, content }: RevealedMessage,
): RevealedRow | Rejection {
  const message = seq < joinedSeq ? undefined : messageAt(work, room, seq);
  if (message === undefined || message.gone !== null) return reject('no_such_message', undefined, { seq });
  const { header } = decodeEnvelope(message.envelope);
  if (!sameBytes(contentTagOf(r, content), header.contentTag)) return reject('report_mismatch', undefined, { seq });
  const from: AccountId = message.from;
  return { seq, from, sentAt: message.sentAt, content };
}
