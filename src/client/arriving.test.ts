import { describe, expect, it } from 'vitest';
import { ArrivingMessages } from './arriving.ts';
import type { MessageId, RoomId, TxnId } from '../protocol/ids.ts';
import type { Sent } from './outbox.ts';
import type { PendingMessage } from './pending.ts';

const ROOM = 'R' as RoomId;
const pending = (name: string): PendingMessage => ({
  ...{ txnId: name as TxnId, id: `${name}-D` as MessageId, room: ROOM, writtenAtMs: 0, about: null },
  content: { type: 'text', text: name },
});
const sent = (seq: number): Sent => ({
  room: ROOM,
  seq,
  id: `m${seq}` as MessageId,
  sentAt: '2026-01-01T00:00:00.000Z',
});
const names = (messages: readonly PendingMessage[]): string[] => messages.map(({ txnId }) => txnId);

describe('what was sent and is not there yet', () => {
  it('is shown between the outbox and its line', () => {
    const arriving = new ArrivingMessages();
    expect(names(arriving.behind([pending('a'), pending('b')], () => 4))).toEqual(['a', 'b']);
    arriving.sent(pending('a'), sent(5));
    expect(names(arriving.behind([pending('b')], () => 4))).toEqual(['a', 'b']);
    expect(names(arriving.behind([pending('b')], () => 5))).toEqual(['b']);
    expect(names(arriving.behind([], () => 4))).toEqual([]);
  });

  it('is not shown when its line was faster than the acknowledgement', () => {
    const arriving = new ArrivingMessages();
    arriving.sent(pending('a'), sent(5));
    expect(arriving.behind([], () => 7)).toEqual([]);
  });

  it('is shown once while it still stands in the outbox', () => {
    const arriving = new ArrivingMessages();
    arriving.sent(pending('a'), sent(5));
    expect(names(arriving.behind([pending('a'), pending('b')], () => 0))).toEqual(['a', 'b']);
  });
});
