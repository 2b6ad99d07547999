import { describe, expect, it } from 'vitest';
import { headerLine } from './header-line.ts';
import { roomLine } from './room-list.ts';
import { statusLine } from './status-line.ts';
import type { InboxRoom } from '../../../client/inbox.ts';
import type { RoomId } from '../../../protocol/ids.ts';
import type { Line } from '../screen/line.ts';

const textOf = (line: Line): string => line.map(({ text }) => text).join('');
const room = (change: Partial<InboxRoom>): InboxRoom => ({
  ...{ room: 'R' as RoomId, kind: 'group', name: 'garden', topic: '', lastSeq: 0, read: 0, joinedSeq: 0, unread: 0 },
  ...{ mentions: 0, role: 'member', memberCount: 3, isArchived: false, ttlMs: 0, last: null, ...change },
});
const header = (known: InboxRoom, width = 70): string =>
  textOf(
    headerLine({ kind: known.kind, title: known.name ?? '', known, presence: null, thread: null, nowMs: 0 }, width),
  );

describe('an open room', () => {
  const open = room({ kind: 'open', name: 'end-to-end encrypted', topic: 'private' });

  it('says so before everything that somebody else wrote, and has a style of its own', () => {
    expect(header(open)).toMatch(/^ OPEN ROOM, NOT ENCRYPTED · end-to-end encrypted · private/);
    expect(header(open, 30)).toMatch(/^ OPEN ROOM, NOT ENCRYPTED/);
    const line = roomLine({ room: open, presence: null, hasDraft: false }, 24, false);
    expect(textOf(line)).toMatch(/^open end-to-end/);
    const encrypted = roomLine({ room: room({ name: 'open town' }), presence: null, hasDraft: false }, 24, false);
    expect(textOf(encrypted)).toMatch(/^# open town/);
  });

  it('is not what an encrypted one looks like', () => {
    expect(header(room({ name: 'OPEN ROOM' }))).toMatch(/^ OPEN ROOM +3 members · end-to-end encrypted $/);
  });
});

describe('the lines around a conversation', () => {
  it('count what is unread and what names one', () => {
    const line = roomLine({ room: room({ unread: 4, mentions: 1 }), presence: null, hasDraft: true }, 24, false);
    expect(textOf(line)).toBe('# garden         ✎ @1 4 ');
  });

  it('keep the name of the conversation where there is no room for more', () => {
    expect(header(room({ name: 'garden' }), 12)).toBe(' garden     ');
    expect(header(room({ topic: 'about \u001B[2J trees' }))).toContain(String.raw`garden · about \u{1b}`);
  });

  it.each([
    ['live', {}, ' ann  ● n2.example:8082'],
    ['live', { hasMoved: true }, ' ann  ● n2.example:8082, another node than before'],
    ['reconnecting', { waiting: 2 }, ' ann  ○ looking for another node … · 2 messages wait'],
    ['offline', {}, ' ann  ○ offline: what you write is kept and sent later'],
    ['ended', { ended: 'Revoked.' }, ' ann  × this device is not let in any more: Revoked.'],
  ] as const)('say calmly that one is %s', (state, more, text) => {
    const parts = { own: 'ann', state, endpoint: 'https://n2.example:8082', hasMoved: false, ended: null };
    expect(textOf(statusLine({ ...parts, waiting: 0, stuck: null, ...more }, 100)).startsWith(text)).toBe(true);
  });
});
