import { reachOf } from '../../../client/receipts.ts';
import { bytesText } from '../../parley/bytes-text.ts';
import { unreadableText } from '../../parley/show.ts';
import { fitted, lineWidth, safe, span, wrapped } from '../screen/line.ts';
import { styleOfName } from '../screen/style.ts';
import { widthOf } from '../screen/width.ts';
import { CLOCK_WIDTH, clockText, dayText } from './times.ts';
import type { Upload } from '../../../client/live-client.ts';
import type { PendingMessage } from '../../../client/pending.ts';
import type { Mark } from '../../../client/receipts.ts';
import type { Row } from '../../../client/conversation-rows.ts';
import type { Entry, Timeline } from '../../../client/timeline.ts';
import type { RoomKind } from '../../../protocol/commands.ts';
import type { AccountName, TxnId } from '../../../protocol/ids.ts';
import type { Line, Span } from '../screen/line.ts';

/** Texts stand behind the time. */
const INDENT = CLOCK_WIDTH + 1;
/** Behind a name there is a text of so many letters at least, or it begins on a row of its own. */
const TEXT_WIDTH_MIN = 12;
/** Longer texts are cut; `parley read` shows all of them. */
const TEXT_ROWS_MAX = 200;
const UNBREAKABLE = '\u00A0';

/** What the lines of a conversation depend on. */
export interface Surroundings {
  readonly width: number;
  readonly nowMs: number;
  readonly own: AccountName;
  readonly kind: RoomKind;
  readonly title: string;
  readonly timeline: Timeline;
  readonly marks: ReadonlyMap<AccountName, Mark>;
  readonly pending: readonly PendingMessage[];
  readonly uploads: ReadonlyMap<TxnId, Upload>;
  readonly pins: readonly number[];
  /** Whether each message shows its number. */
  readonly isNumbered: boolean;
  /** Whether only one thread is shown. */
  readonly isThread: boolean;
}

/** How a row of a conversation looks: one line at least, none wider than there is room. */
export function linesOfRow(row: Row, around: Surroundings): readonly Line[] {
  return shape(row, around).map((line) => fitted(line, around.width));
}

function shape(row: Row, around: Surroundings): readonly Line[] {
  switch (row.is) {
    case 'begin':
      return beginLines(around);
    case 'day':
      return [rule(dayText(row.timeMs, around.nowMs), around.width, 'soft')];
    case 'unread':
      return [rule('new', around.width, 'warn')];
    case 'gone': {
      const count = row.seqs.length;
      const what = row.why === 'expired' ? 'disappeared' : 'removed';
      return [[indent(), span(count === 1 ? `(message ${what})` : `(${count} messages ${what})`, 'soft')]];
    }
    case 'pending':
      return pendingLines(row.message, row.isFirst, around);
    case 'entry':
      break;
  }
  const entry = around.timeline.entry(row.seq);
  return entry === undefined ? [[]] : entryLines(entry, row.isFirst, around);
}

function beginLines({ kind, title, width }: Surroundings): readonly Line[] {
  const text = {
    direct: `This is where it begins. Only you and ${title} can read what is written here.`,
    group: 'This is where it begins. Only the members of this group can read what is written here.',
    open: 'This is where it begins. This room is open: everybody on this server can read what is written here.',
  }[kind];
  return wrapped(text, width).map((row) => [span(row, kind === 'open' ? 'warn' : 'soft')]);
}

function rule(text: string, width: number, style: 'soft' | 'warn'): Line {
  const words = ` ${safe(text)} `;
  const left = Math.max(0, Math.floor((width - widthOf(words)) / 2));
  return [span(`${'─'.repeat(left)}${words}${'─'.repeat(Math.max(0, width - left - widthOf(words)))}`, style)];
}

function entryLines(entry: Entry, isFirst: boolean, around: Surroundings): readonly Line[] {
  const { line } = entry;
  const { own, timeline, pending } = around;
  const waitingEdit = pending.findLast(({ about, content }) => about === line.seq && content.type === 'edit')?.content;
  const text = waitingEdit?.type === 'edit' ? waitingEdit.text : entry.text;
  const isMentioned = entry.mentions.includes(own);
  const head = {
    timeMs: Date.parse(line.sentAt),
    name: line.hook === undefined ? line.from : `${line.hook} (for ${line.from})`,
    isOwn: line.from === own,
    isFirst: isFirst || isMentioned,
    isMentioned,
    number: around.isNumbered || line.file !== undefined ? line.seq : null,
  };
  const notes = [
    ...(entry.isEdited || waitingEdit !== undefined ? [span(' (edited)', 'soft')] : []),
    ...(line.outOfOrder === true ? [span(' (out of order)', 'warn')] : []),
    ...(around.pins.includes(line.seq) ? [span(' (pinned)', 'soft')] : []),
    ...(line.from === own && line.gone === undefined ? [reachSpan(line.seq, around)] : []),
  ];
  const context = [
    ...(line.thread !== undefined && !around.isThread ? [`in the thread of #${line.thread}`] : []),
    ...(line.replyTo === undefined ? [] : [answerText(timeline.entry(line.replyTo), line.replyTo)]),
  ];
  const said = line.unreadable === undefined ? saidIn(entry, text) : unreadableText(line.unreadable);
  return [
    ...textLines(head, { context, said, isWarning: line.unreadable !== undefined, notes }, around.width),
    ...reactionLines(entry, around),
    ...threadLines(entry, around),
  ];
}

function saidIn({ line }: Entry, text: string | null): string {
  const { file } = line;
  if (file === undefined) return text ?? '';
  const what = `[file ${file.name}, ${bytesText(file.sizeBytes)}: /save ${line.seq}]`;
  return text === null || text === '' ? what : `${text}\n${what}`;
}

function reachSpan(seq: number, { marks, own }: Surroundings): Span {
  const reach = reachOf(seq, marks, own);
  const text = { sent: ' ✓', delivered: ' ✓✓', read: ' ✓✓ read' }[reach];
  return span(text, reach === 'read' ? 'good' : 'soft');
}

function answerText(answered: Entry | undefined, seq: number): string {
  if (answered === undefined) return `↳ #${seq}`;
  const words = answered.text ?? answered.line.file?.name ?? '';
  return `↳ ${answered.line.from}: ${words.split('\n', 1)[0]!.slice(0, 200)}`;
}

function reactionLines(entry: Entry, { own, pending }: Surroundings): readonly Line[] {
  const waiting = pending.flatMap(({ about, content }) =>
    about === entry.line.seq && content.type === 'reaction' ? [content.reaction] : [],
  );
  const by = new Map(entry.reactions.map(({ reaction, by }) => [reaction, new Set<string>(by)]));
  for (const reaction of waiting) by.set(reaction, (by.get(reaction) ?? new Set()).add(own));
  if (by.size === 0) return [];
  const spans = Array.from(by, ([reaction, names]) =>
    span(`${reaction} ${names.size}  `, names.has(own) ? 'strong' : 'soft'),
  );
  return [[indent(), ...spans]];
}

function threadLines({ replies, line }: Entry, { isThread }: Surroundings): readonly Line[] {
  if (replies === 0 || isThread) return [];
  return [
    [indent(), span(`${replies === 1 ? '1 answer' : `${replies} answers`} in its thread: /thread ${line.seq}`, 'soft')],
  ];
}

function pendingLines(message: PendingMessage, isFirst: boolean, around: Surroundings): readonly Line[] {
  const { content, txnId } = message;
  const upload = around.uploads.get(txnId);
  const state = upload === undefined ? 'waiting' : `${share(upload)} % sent`;
  const said =
    content.type === 'file'
      ? [...(content.text === undefined || content.text === '' ? [] : [content.text]), `[file ${content.name}]`].join(
          '\n',
        )
      : content.type === 'text'
        ? content.text
        : '';
  const context =
    content.type === 'text' && content.replyTo !== undefined
      ? [answerText(around.timeline.entry(content.replyTo), content.replyTo)]
      : [];
  const head = {
    timeMs: message.writtenAtMs,
    name: around.own,
    isOwn: true,
    isFirst,
    isMentioned: false,
    number: null,
  };
  const notes = [span(` … ${state}`, 'soft')];
  return textLines(head, { context, said, isWarning: false, notes }, around.width);
}

function share({ sentBytes, totalBytes }: Upload): number {
  return totalBytes === 0 ? 100 : Math.floor((100 * sentBytes) / totalBytes);
}

interface Head {
  readonly timeMs: number;
  readonly name: string;
  readonly isOwn: boolean;
  /** What follows another message of the same person shows neither time nor name. */
  readonly isFirst: boolean;
  readonly isMentioned: boolean;
  readonly number: number | null;
}

interface Said {
  /** What it is about: each on a row of its own. */
  readonly context: readonly string[];
  readonly said: string;
  readonly isWarning: boolean;
  /** Behind the text. */
  readonly notes: readonly Span[];
}

/** A line of text never begins where times do, so nobody can write one that looks like another message. */
function textLines(head: Head, { context, said, isWarning, notes }: Said, width: number): readonly Line[] {
  const number = head.number === null ? '' : `#${head.number} `;
  const name = head.isFirst ? `${safe(head.name)}  ` : '';
  const begin: Line = [
    span(head.isFirst ? clockText(head.timeMs) : ' '.repeat(CLOCK_WIDTH), 'soft'),
    span(head.isMentioned ? '»' : ' ', 'warn'),
    span(name, head.isOwn ? 'own' : styleOfName(head.name)),
    span(number, 'soft'),
  ];
  const quotes = context.map((text) => span(text, 'soft'));
  const used = lineWidth(begin);
  const isAlone = quotes.length > 0 || width - used < TEXT_WIDTH_MIN;
  // The first row is shorter by what stands before it: letters at which nothing breaks stand for that.
  const filler = isAlone ? '' : UNBREAKABLE.repeat(used - INDENT);
  const all = wrapped(filler + said, width - INDENT);
  const rows = all.slice(0, TEXT_ROWS_MAX).map((row, i) => (i === 0 ? row.slice(filler.length) : row));
  const style = isWarning ? 'warn' : 'plain';
  const lines: Line[] = isAlone
    ? [quotes.length > 0 ? [...begin, quotes[0]!] : begin, ...quotes.slice(1).map((quote) => [indent(), quote])]
    : [];
  for (const [i, row] of rows.entries()) lines.push([...(i === 0 && !isAlone ? begin : [indent()]), span(row, style)]);
  if (all.length > TEXT_ROWS_MAX) lines.push([indent(), span('… cut: parley read shows all of it', 'warn')]);
  return withNotes(lines, notes, width);
}

function withNotes(lines: readonly Line[], notes: readonly Span[], width: number): readonly Line[] {
  const last = lines.at(-1)!;
  if (notes.length === 0) return lines;
  if (lineWidth(last) + lineWidth(notes) <= width) return [...lines.slice(0, -1), [...last, ...notes]];
  return [...lines, [span(' '.repeat(CLOCK_WIDTH)), ...notes]];
}

const indent = (): Span => span(' '.repeat(INDENT));
