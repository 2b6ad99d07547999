import { beforeEach, describe, expect, it } from 'vitest';
import { contentTagOf } from '../crypto/content-tag.ts';
import { LIMITS } from '../protocol/limits.ts';
import { bytesFrom, ChatHarness } from '../testing/chat-harness.ts';
import { messagesPage } from './queries-messages.ts';
import { reportsPage } from './queries-reports.ts';
import { roomDetail } from './queries-rooms.ts';
import { findExpired } from './queries-sweep.ts';
import type { CommandBodies, RevealedMessage } from '../protocol/commands.ts';
import type { RoomId, Seq } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

let chat: ChatHarness;
let ann: Person;
let bob: Person;
let room: RoomId;

beforeEach(() => {
  chat = new ChatHarness();
  [ann, bob] = ['ann', 'bob'].map((name) => chat.register(name)) as [Person, Person];
  room = chat.groupRoom(ann, bob);
});

const content = (text: string): Uint8Array => new TextEncoder().encode(text);
const r = bytesFrom('r');
/** A message whose tag its readers can open. */
const say = (who: Person, text: string): Seq => {
  const txnId = chat.txn();
  const envelope = chat.envelope(who, room, txnId, text, { contentTag: contentTagOf(r, content(text)) });
  return chat.must('message.send', who, { room, envelope }, txnId).seq;
};
const shown = (seq: Seq, text: string): RevealedMessage => ({ seq, r, content: content(text) });
const report = (who: Person, seq: Seq, revealed: RevealedMessage[] = []) => {
  const body: CommandBodies['report.create'] = { room, seq, reason: 'rude', revealed };
  return chat.run('report.create', who, body);
};
const reports = async (state: 'open' | 'resolved' | 'all' = 'open', after = 0, limit = 500) =>
  reportsPage(chat.view, { state, after, limit });
const sweepAll = async (): Promise<number> => {
  for (let sweeps = 0; ; sweeps++) {
    const keys = await findExpired(chat.view, chat.stampMs, 500);
    if (keys.length === 0 || chat.must('state.sweep', null, { keys }).removed === 0) return sweeps;
  }
};
const states = async (): Promise<string[]> =>
  (await messagesPage(chat.view, { account: bob.account, room, after: 0, limit: 500 }))!.messages.map(
    ({ gone }) => gone ?? 'there',
  );

describe('a report', () => {
  it('shows admins what the reporter reveals, and who wrote it', async () => {
    const first = say(bob, 'hello');
    const rude = say(bob, 'rude words');
    expect(report(ann, rude, [shown(rude, 'rude words'), shown(first, 'hello')])).toMatchObject({
      ok: true,
      value: { report: 1 },
    });
    const { reports: all } = await reports();
    expect(all).toMatchObject([{ id: 1, by: ann.account, from: bob.account, room, seq: rude, reason: 'rude' }]);
    const texts = all[0]!.revealed.map((one) => [one.seq, one.from, new TextDecoder().decode(one.content)]);
    expect(texts).toEqual([
      [rude, bob.account, 'rude words'],
      [first, bob.account, 'hello'],
    ]);
    expect(report(ann, rude)).toMatchObject({ value: { report: 2 } });
    expect((await reports()).reports[1]!.revealed).toEqual([]);
  });

  it('cannot make up what was written', () => {
    const seq = say(bob, 'harmless');
    expect(report(ann, seq, [shown(seq, 'dreadful')])).toMatchObject({ code: 'report_mismatch', data: { seq } });
    expect(report(ann, seq, [{ ...shown(seq, 'harmless'), r: bytesFrom('other') }])).toMatchObject({
      code: 'report_mismatch',
    });
    expect(report(ann, (seq + 1) as Seq)).toMatchObject({ code: 'no_such_message' });
  });

  it('is of what its reporter may read', () => {
    const seq = say(bob, 'before');
    const cay = chat.register('cay');
    expect(report(cay, seq)).toMatchObject({ code: 'no_such_room' });
    chat.must('room.add', ann, { room, members: [cay.account] });
    expect(report(cay, seq, [])).toMatchObject({ code: 'no_such_message' });
    const later = say(bob, 'later');
    expect(report(cay, later, [shown(seq, 'before')])).toMatchObject({ code: 'no_such_message', data: { seq } });
    chat.must('message.delete', bob, { room, seq: later });
    expect(report(cay, later)).toMatchObject({ code: 'no_such_message' });
  });

  it('waits until an admin says what was done; of one account so many wait', async () => {
    const seq = say(bob, 'x');
    for (let i = 0; i < LIMITS.openReportsPerAccountMax; i++) expect(report(ann, seq).ok).toBe(true);
    expect(report(ann, seq)).toMatchObject({ code: 'too_many' });
    const done = { report: 1, resolution: 'bob was spoken to' };
    expect(chat.code('report.resolve', ann, done)).toBe('forbidden');
    chat.must('report.resolve', null, done);
    chat.must('report.resolve', null, { ...done, resolution: 'bob was banned' });
    expect(chat.code('report.resolve', null, { ...done, report: 99 })).toBe('no_such_report');
    expect(report(ann, seq).ok).toBe(true);
    expect(report(ann, seq)).toMatchObject({ code: 'too_many' });
    expect((await reports('resolved')).reports).toMatchObject([{ id: 1, resolved: { resolution: 'bob was banned' } }]);
    const first = await reports('open', 0, 5);
    expect([first.reports.map(({ id }) => id), first.next]).toEqual([[2, 3, 4, 5], 5]);
  });

  it('is kept for its time, waiting or not', async () => {
    const seq = say(bob, 'x');
    report(ann, seq);
    report(ann, seq);
    chat.must('report.resolve', null, { report: 1, resolution: 'done' });
    chat.wait(LIMITS.reportTtlMs);
    await sweepAll();
    expect((await reports('all')).reports).toEqual([]);
    expect([...chat.view.rows.keys()].filter((key) => key.startsWith('Q/'))).toEqual([]);
    const again = chat.login(ann);
    expect(report(again, say(chat.login(bob), 'y'))).toMatchObject({ value: { report: 3 } });
  });
});

describe('purging', () => {
  it('a message removes it everywhere, with what relates to it, by somebody who is no member', async () => {
    const seq = say(bob, 'x');
    say(ann, 'y');
    expect(chat.code('message.purge', ann, { room, seq })).toBe('forbidden');
    chat.must('message.purge', null, { room, seq });
    expect(chat.code('message.purge', null, { room, seq })).toBe('no_such_message');
    expect(await states()).toEqual(['purged', 'there']);
    const told = chat.events.flatMap(({ event }) => (event.kind === 'messages-gone' ? [event] : []));
    expect(told).toMatchObject([{ seqs: [seq], reason: 'purged', by: null }]);
  });

  it('a room closes it for good, at once, and removes all in steps', async () => {
    for (let i = 0; i < 300; i++) say(i % 2 === 0 ? ann : bob, `m${i}`);
    chat.must('room.create-link', ann, { room, secretHash: bytesFrom('l'), ttlMs: 60_000, usesMax: 5 });
    expect(chat.code('room.purge', ann, { room })).toBe('forbidden');
    chat.must('room.purge', null, { room });
    expect(chat.send(ann, room, 'more')).toMatchObject({ code: 'room_archived' });
    for (const code of [
      chat.code('room.archive', ann, { room, archived: false }),
      chat.code('room.add', ann, { room, members: [chat.register('cay').account] }),
      chat.code('room.join', chat.register('dan'), { room, secretHash: bytesFrom('l') }),
    ]) {
      expect(code).toBe('room_archived');
    }
    expect(await sweepAll()).toBe(2);
    expect(new Set(await states())).toEqual(new Set(['purged']));
    chat.must('room.purge', null, { room });
    expect(await sweepAll()).toBe(0);
    expect(roomDetail(chat.view, bob.account, room)).toMatchObject({ archived: true, unread: 0 });
    chat.must('room.remove', bob, { room, member: bob.account });
    expect([...chat.view.rows.keys()].filter((key) => key.startsWith('R/'))).toEqual([]);
  });
});
