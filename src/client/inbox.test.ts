import { describe, expect, it } from 'vitest';
import { Inbox } from './inbox.ts';
import type { AccountName, DeviceId, RoomId } from '../protocol/ids.ts';
import type { RoomSummaryJson } from '../protocol/http/schemas.ts';
import type { MessageLine } from './reader.ts';
import type { RoomOverview } from './rooms.ts';

const ROOM = 'R' as RoomId;
const room = (more: Partial<RoomSummaryJson> = {}): RoomOverview => {
  const summary: RoomSummaryJson = {
    ...{ room: ROOM, kind: 'group', lastSeq: 4, joinedSeq: 1, memberCount: 3, role: 'member', archived: false },
    ...{ read: 2, unread: 2, messageTtlMs: 0, retentionMs: 0, ...more },
  };
  return { line: { room: ROOM, kind: 'group', name: 'team', lastSeq: summary.lastSeq }, summary };
};
const line = (seq: number, more: Partial<MessageLine> = {}): MessageLine => ({
  ...{ room: ROOM, seq, id: `id-${seq}`, from: 'bob' as AccountName, account: 'bob' as AccountName },
  ...{ device: 'D' as DeviceId, sentAt: '2026-01-01T00:00:00.000Z', text: 'hello', ...more },
});
const inboxWith = (overview: RoomOverview): Inbox => {
  const inbox = new Inbox('ann' as AccountName);
  inbox.listed([overview]);
  return inbox;
};

describe('the inbox', () => {
  it('counts what others say, and not what is no message or one’s own', () => {
    const inbox = inboxWith(room());
    inbox.arrived([
      line(5),
      line(6, { text: null, reactsTo: 5, reaction: '👍' }),
      line(7, { from: 'ann' as AccountName }),
    ]);
    inbox.arrived([line(8, { mentions: ['ann' as AccountName] })]);
    expect(inbox.rooms.get(ROOM)).toMatchObject({ lastSeq: 8, unread: 4, mentions: 1, last: { seq: 8 } });
  });

  it('counts nothing twice that it is shown again', () => {
    const inbox = inboxWith(room());
    inbox.arrived([line(4)]);
    inbox.arrived([line(5)]);
    inbox.arrived([line(5)]);
    expect(inbox.rooms.get(ROOM)).toMatchObject({ unread: 3 });
  });

  it('counts what came while a list was on its way, which does not have it', () => {
    const inbox = inboxWith(room());
    inbox.arrived([line(5, { mentions: ['ann' as AccountName] }), line(6)]);
    inbox.listed([room({ lastSeq: 5, unread: 3 })]);
    expect(inbox.rooms.get(ROOM)).toMatchObject({ unread: 4, mentions: 1, lastSeq: 6 });
    inbox.listed([room({ lastSeq: 6, unread: 4 })]);
    expect(inbox.rooms.get(ROOM)).toMatchObject({ unread: 4 });
  });

  it('is clear once the last message was read, also when a node has not heard of it', () => {
    const inbox = inboxWith(room());
    inbox.wasRead(ROOM, 4);
    expect(inbox.rooms.get(ROOM)).toMatchObject({ unread: 0, read: 4 });
    inbox.listed([room()]);
    expect(inbox.rooms.get(ROOM)).toMatchObject({ unread: 0, read: 4 });
  });

  it('keeps no room that is not listed any more', () => {
    const inbox = inboxWith(room());
    inbox.listed([]);
    expect(inbox.rooms.size).toBe(0);
  });

  it('takes a line that is gone out of the list', () => {
    const inbox = inboxWith(room());
    inbox.arrived([line(5)]);
    inbox.wentAway(ROOM, [5]);
    expect(inbox.rooms.get(ROOM)!.last).toBeNull();
  });
});
