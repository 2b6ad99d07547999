import type { PendingMessage } from './pending.ts';
import type { MessageLine } from './reader.ts';
import type { Timeline } from './timeline.ts';

/** What stands below each other in a conversation. */
export type Row =
  | { readonly is: 'begin'; readonly key: 'begin' }
  | { readonly is: 'day'; readonly key: string; readonly timeMs: number }
  | { readonly is: 'unread'; readonly key: 'unread' }
  | { readonly is: 'entry'; readonly key: string; readonly seq: number; readonly isFirst: boolean }
  | { readonly is: 'gone'; readonly key: string; readonly seqs: readonly number[]; readonly why: 'removed' | 'expired' }
  | { readonly is: 'pending'; readonly key: string; readonly message: PendingMessage; readonly isFirst: boolean };

/** Messages of one person that follow each other within it stand together. */
const TOGETHER_MS = 5 * 60_000;

export interface RowOptions {
  readonly own: string;
  /** Of this room, in order; what is in the timeline already is left out. */
  readonly pending: readonly PendingMessage[];
  /** Behind it everything is new. */
  readonly readUntil: number;
  /** Only one thread, begun by this message. */
  readonly thread: number | null;
  /** The timeline begins with the first message that this account may read. */
  readonly isComplete: boolean;
}

interface Before {
  readonly from: string;
  readonly timeMs: number;
}

export function rowsOf(timeline: Timeline, options: RowOptions): readonly Row[] {
  const { own, readUntil, thread } = options;
  const rows: Row[] = [];
  let day = '';
  let before: Before | null = null;
  let isUnreadMarked = thread !== null || readUntil === 0;
  if (options.isComplete && thread === null) rows.push({ is: 'begin', key: 'begin' });
  const newDay = (timeMs: number): void => {
    const key = dayKey(timeMs);
    if (key === day) return;
    day = key;
    before = null;
    if (thread === null) rows.push({ is: 'day', key: `day ${key}`, timeMs });
  };
  for (const seq of thread === null ? timeline.order : timeline.thread(thread)) {
    const line = timeline.line(seq)!;
    const timeMs = Date.parse(line.sentAt);
    newDay(timeMs);
    if (!isUnreadMarked && seq > readUntil && line.from !== own) {
      rows.push({ is: 'unread', key: 'unread' });
      isUnreadMarked = true;
      before = null;
    }
    if (line.gone !== undefined) {
      addGone(rows, line);
      before = null;
      continue;
    }
    rows.push({ is: 'entry', key: line.id, seq, isFirst: !isTogether(before, line.from, timeMs) });
    before = { from: line.from, timeMs };
  }
  for (const message of options.pending) {
    if (!isShown(message, thread)) continue;
    newDay(message.writtenAtMs);
    const isFirst = !isTogether(before, own, message.writtenAtMs);
    rows.push({ is: 'pending', key: message.id, message, isFirst });
    before = { from: own, timeMs: message.writtenAtMs };
  }
  // Of nothing there is no beginning.
  return rows.every(({ is }) => is === 'begin') ? [] : rows;
}

/** What follows each other and is gone is one row. */
function addGone(rows: Row[], { seq, gone }: MessageLine): void {
  const why = gone === 'expired' ? 'expired' : 'removed';
  const last = rows.at(-1);
  if (last?.is === 'gone' && last.why === why) rows[rows.length - 1] = { ...last, seqs: [...last.seqs, seq] };
  else rows.push({ is: 'gone', key: `gone ${seq}`, seqs: [seq], why });
}

/** Edits and reactions that wait show at what they are about. */
function isShown({ content }: PendingMessage, thread: number | null): boolean {
  if (content.type !== 'text' && content.type !== 'file') return false;
  return thread === null || content.thread === thread;
}

function isTogether(before: Before | null, from: string, timeMs: number): boolean {
  return before !== null && before.from === from && timeMs - before.timeMs < TOGETHER_MS;
}

/** The day in local time, to tell days apart. */
function dayKey(timeMs: number): string {
  const date = new Date(timeMs);
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}
