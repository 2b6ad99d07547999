import { padded, restyled, span, spread, wrapped } from '../screen/line.ts';
import { composerLines, visibleComposer } from './composer-lines.ts';
import { windowOf } from './feed-window.ts';
import { headerLine } from './header-line.ts';
import { layoutFor } from './layout.ts';
import { linesOfRow } from './message-lines.ts';
import { roomListLines } from './room-list.ts';
import { sheetLines } from './sheet-lines.ts';
import { statusLine } from './status-line.ts';
import type { Desk } from '../state/desk.ts';
import type { Talk } from '../state/talk.ts';
import type { Row } from '../../../client/conversation-rows.ts';
import type { Line } from '../screen/line.ts';
import type { Frame, Segment } from '../screen/painter.ts';
import type { Size } from '../screen/terminal-screen.ts';
import type { ComposerLines } from './composer-lines.ts';
import type { FeedRows, FeedWindow } from './feed-window.ts';
import type { Layout } from './layout.ts';

const MESSAGE_KEYS = 'r answers · t thread · + reacts · e edits · d deletes · p pins · s saves · Esc writes';

export interface Drawn {
  readonly frame: Frame;
  readonly layout: Layout;
  /** What of the conversation is seen; null where none is open. */
  readonly window: FeedWindow | null;
}

/** Everything as it is now, drawn for a terminal of a size. */
export function draw(desk: Desk, size: Size, nowMs: number): Drawn {
  const composer = composerOf(desk, layoutFor(size, 1).width);
  const layout = layoutFor(size, composer.lines.length);
  const { column, width, headerRows, feedRows, infoRows, composerRows, statusRows, listWidth } = layout;
  const middle = middleOf(desk, layout, nowMs);
  const shown = visibleComposer(composer, composerRows);
  const right: readonly Line[] = [
    ...(headerRows > 0 ? [headerOf(desk, width, nowMs)] : []),
    ...middle.lines,
    ...(infoRows > 0 ? [infoLine(desk, width, middle.window)] : []),
    ...Array.from({ length: composerRows }, (_, i): Line => shown.lines[i] ?? []),
  ];
  const left = listWidth === 0 ? [] : listOf(desk, listWidth, right.length);
  const rows = right.map((line, i): readonly Segment[] =>
    listWidth === 0
      ? [{ column: 0, line }]
      : [
          { column: 0, line: left[i] ?? [] },
          { column: listWidth, line: [span('│', 'soft')] },
          { column, line },
        ],
  );
  if (statusRows > 0) rows.push([{ column: 0, line: statusOf(desk, layout.size.columns) }]);
  const composerTop = headerRows + feedRows + infoRows;
  const typing = { row: composerTop + shown.cursor.row, column: column + shown.cursor.column };
  const cursor = middle.cursor === undefined ? (desk.selected === null ? typing : null) : middle.cursor;
  return { frame: { rows, cursor }, layout, window: middle.window };
}

/** The rows of the open conversation. Each is laid out once, and only if it is near what is seen. */
export function feedRowsOf(desk: Desk, talk: Talk, width: number, nowMs: number): FeedRows {
  const { view } = talk;
  const around = {
    ...{ width, nowMs, own: desk.chat.own, kind: talk.kind, title: talk.title, timeline: view.timeline },
    ...{ marks: view.marks, pending: talk.pending, uploads: desk.chat.live.uploads, pins: talk.pins },
    ...{ isNumbered: desk.selected !== null, isThread: talk.thread !== null },
  };
  const laidOut = new Map<string, readonly Line[]>();
  const linesOf = (row: Row): readonly Line[] => {
    const before = laidOut.get(row.key);
    if (before !== undefined) return before;
    const lines = linesOfRow(row, around);
    laidOut.set(row.key, lines);
    return lines;
  };
  return { rows: talk.rows(), linesOf };
}

interface Middle {
  /** As many as there are rows. */
  readonly lines: readonly Line[];
  readonly window: FeedWindow | null;
  /** Undefined: where one writes. */
  readonly cursor?: Frame['cursor'];
}

/** A sheet, or the conversation, or what to do without one. */
function middleOf(desk: Desk, { headerRows, feedRows, width, column }: Layout, nowMs: number): Middle {
  const { sheet, talk } = desk;
  if (sheet !== null) {
    const { lines, cursor } = sheetLines(sheet, { width, rows: feedRows });
    const at = cursor === null ? null : { row: headerRows + cursor.row, column: column + cursor.column };
    return { lines: filledBelow(lines, feedRows), window: null, cursor: at };
  }
  if (talk === null) return { lines: filledBelow(welcomeLines(desk, width), feedRows), window: null };
  const window = windowOf(feedRowsOf(desk, talk, width, nowMs), feedRows, desk.anchor);
  if (window.lines.length === 0) return { lines: filledBelow(emptyLines(talk, width), feedRows), window };
  const lines = window.lines.map(({ row, line }) =>
    row.is === 'entry' && row.seq === desk.selected ? restyled(padded(line, width), 'selected') : line,
  );
  return { lines: filledAbove(lines, feedRows), window };
}

function filledBelow(lines: readonly Line[], rows: number): readonly Line[] {
  return Array.from({ length: rows }, (_, i) => lines[i] ?? []);
}

function filledAbove(lines: readonly Line[], rows: number): readonly Line[] {
  return [...Array.from({ length: Math.max(0, rows - lines.length) }, (): Line => []), ...lines];
}

function welcomeLines({ chat, rooms }: Desk, width: number): readonly Line[] {
  const text =
    rooms.length > 0
      ? 'Ctrl N opens a conversation, Ctrl K finds one.'
      : chat.live.isListed
        ? 'No conversations yet.\n\nCtrl O finds people, /open @NAME writes to one,\n/new NAME makes an encrypted group, /rooms finds open rooms.\nF1 shows everything else.'
        : 'Looking for your conversations …';
  return ['', ...wrapped(text, width - 2)].map((row) => [span(` ${row}`, 'soft')]);
}

function emptyLines({ view, kind, title }: Talk, width: number): readonly Line[] {
  const text =
    view.loading !== null
      ? 'Loading …'
      : {
          direct: `Say hello to ${title}. Only the two of you can read this.`,
          group: 'Nothing has been written here yet. Only the members of this group can read what is.',
          open: 'Nothing has been written here yet. This room is open: everybody on this server can read it.',
        }[kind];
  return ['', ...wrapped(text, width - 2)].map((row) => [span(` ${row}`, kind === 'open' ? 'warn' : 'soft')]);
}

function headerOf({ talk, chat }: Desk, width: number, nowMs: number): Line {
  if (talk === null) return padded([span(' Parley', 'bar')], width, 'bar');
  const { kind, title, known, thread } = talk;
  return headerLine({ kind, title, known, thread, presence: chat.presenceOf(talk.peer), nowMs }, width);
}

function listOf({ rooms, chat, talk }: Desk, width: number, rows: number): readonly Line[] {
  const listed = rooms.map((room) => ({
    room,
    presence: room.kind === 'direct' ? chat.presenceOf(room.name) : null,
    hasDraft: room.room !== talk?.room && chat.drafts.draft(room.room) !== '',
  }));
  return roomListLines(listed, { width, rows, open: talk?.room ?? null });
}

/** What is offered, said in passing, or going on: the most pressing of them. */
function infoLine(desk: Desk, width: number, window: FeedWindow | null): Line {
  const { chat, talk, composer, selected } = desk;
  const { completion } = composer;
  const notice = chat.notices.now;
  if (completion !== null && desk.sheet === null && selected === null) {
    const offers = completion.offers.flatMap(({ label }, i) => [
      span(` ${label} `, i === completion.next ? 'selected' : 'soft'),
    ]);
    return spread([span('Tab:', 'soft'), ...offers], [], width);
  }
  if (notice !== null) return spread([span(notice.text, notice.isError ? 'danger' : 'accent')], [], width);
  if (talk === null) return [];
  const below = window === null || window.isAtEnd ? '' : ' ↓ newer messages: PgDn ';
  return spread([span(happeningText(talk, chat.typists.in(talk.room)), 'soft')], [span(below, 'accent')], width);
}

function happeningText({ view }: Talk, typists: readonly string[]): string {
  if (typists.length === 1) return `${typists[0]} is writing …`;
  if (typists.length === 2) return `${typists[0]} and ${typists[1]} are writing …`;
  if (typists.length > 2) return 'several people are writing …';
  if (view.loading === 'older') return 'loading older messages …';
  return view.failure === null ? '' : 'No node answers: this is what this device has kept.';
}

function composerOf({ composer, talk, selected }: Desk, width: number): ComposerLines {
  const { kind, title } = talk ?? { kind: null, title: '' };
  const about = selected === null ? aboutText(talk) : MESSAGE_KEYS;
  return composerLines({ field: composer.field, kind, title, about, width });
}

/** What is being answered or edited. */
function aboutText(talk: Talk | null): string {
  if (talk === null) return '';
  if (talk.editing !== null) return `editing #${talk.editing.line.seq}, Esc stops`;
  return talk.replyTo === null ? '' : `answering ${talk.replyTo.line.from}, Esc stops`;
}

function statusOf({ chat, hasMoved }: Desk, width: number): Line {
  const { state, endpoint, ended, pending, stuck } = chat.live;
  const why = stuck?.message ?? null;
  return statusLine(
    { own: chat.own, state, endpoint, hasMoved, ended: ended?.message ?? null, waiting: pending.length, stuck: why },
    width,
  );
}
