import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ChatHarness } from '../testing/chat-harness.ts';
import { messagesPage } from './queries-messages.ts';
import { roomsOf } from './queries-rooms.ts';
import { findExpired } from './queries-sweep.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

const HOUR_MS = 3_600_000;

let chat: ChatHarness;
let alice: Person;
let bob: Person;
beforeEach(() => {
  chat = new ChatHarness();
  [alice, bob] = [chat.register('alice'), chat.register('bob')];
});

/** As the leader does, until nothing is left. @returns how many commands that took */
async function sweepAll(limit = 500): Promise<number> {
  for (let sweeps = 0; ; sweeps++) {
    const keys = await findExpired(chat.view, chat.stampMs, limit);
    if (keys.length === 0) return sweeps;
    chat.must('state.sweep', null, { keys });
  }
}

/** What may still be read, by its seq. */
async function kept(room: RoomId, reader: Person = alice): Promise<number[]> {
  const page = await messagesPage(chat.view, { account: reader.account, room, after: 0, limit: 500 });
  return page!.messages.filter(({ gone }) => gone === null).map(({ seq }) => seq);
}

describe('retention', () => {
  it('of a room takes what is older, written before or after it was set, and counts from when it was taken', async () => {
    const room = chat.groupRoom(alice, bob);
    chat.send(alice, room, 'one');
    chat.wait(HOUR_MS);
    chat.send(alice, room, 'two');
    chat.must('room.set-retention', alice, { room, retentionMs: 2 * HOUR_MS });
    await sweepAll();
    expect(await kept(room)).toEqual([1, 2]);
    chat.wait(HOUR_MS);
    await sweepAll();
    expect(await kept(room)).toEqual([2]);
    expect(chat.events.at(-1)!.event).toMatchObject({ kind: 'messages-gone', seqs: [1], reason: 'expired', by: null });
    chat.wait(HOUR_MS);
    await sweepAll();
    expect(await kept(room)).toEqual([]);
    // The first one after a while is due in its time, too.
    chat.send(bob, room, 'three');
    chat.wait(2 * HOUR_MS - 1);
    await sweepAll();
    expect(await kept(room)).toEqual([3]);
    chat.wait(1);
    await sweepAll();
    expect(await kept(room)).toEqual([]);
  });

  it('may be lengthened and taken back before it is due', async () => {
    const room = chat.directRoom(alice, bob);
    chat.send(alice, room, 'one');
    chat.must('room.set-retention', bob, { room, retentionMs: HOUR_MS });
    chat.must('room.set-retention', alice, { room, retentionMs: 3 * HOUR_MS });
    chat.wait(2 * HOUR_MS);
    await sweepAll();
    expect(await kept(room)).toEqual([1]);
    chat.must('room.set-retention', alice, { room, retentionMs: 0 });
    chat.wait(100 * HOUR_MS);
    await sweepAll();
    expect(await kept(room)).toEqual([1]);
    expect([...chat.view.rows.keys()].filter((key) => key.startsWith('x/') && key.includes('/T'))).toEqual([]);
  });

  it('is set by owner and admins, for a second at least', () => {
    const room = chat.groupRoom(alice, bob);
    expect(chat.code('room.set-retention', bob, { room, retentionMs: HOUR_MS })).toBe('forbidden');
    expect(chat.code('room.set-retention', alice, { room, retentionMs: 999 })).toBe('invalid_field');
    expect(chat.code('server.set-retention', alice, { retentionMs: HOUR_MS })).toBe('forbidden');
    expect(chat.code('server.set-retention', null, { retentionMs: 999 })).toBe('invalid_field');
  });

  it('of the server bounds that of every room, also of those that come later', async () => {
    const rooms = Array.from({ length: 230 }, () => chat.groupRoom(alice));
    for (const room of rooms) chat.send(alice, room, 'old');
    chat.must('room.set-retention', alice, { room: rooms[0]!, retentionMs: HOUR_MS });
    chat.must('room.set-retention', alice, { room: rooms[1]!, retentionMs: 9 * HOUR_MS });
    chat.must('server.set-retention', null, { retentionMs: 3 * HOUR_MS });
    chat.must('server.set-retention', null, { retentionMs: 2 * HOUR_MS });
    // Rooms are looked at in steps.
    expect(await sweepAll()).toBeGreaterThanOrEqual(3);
    const late = chat.groupRoom(alice);
    chat.send(alice, late, 'new');
    const left = async (): Promise<number> => {
      const counts = await Promise.all([...rooms, late].map(async (room) => (await kept(room)).length));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    expect(await left()).toBe(231);
    chat.wait(HOUR_MS);
    await sweepAll();
    expect(await left()).toBe(230);
    chat.wait(HOUR_MS);
    await sweepAll();
    expect(await left()).toBe(0);
    const all = (await roomsOf(chat.view, alice.account, { limit: 500 })).rooms;
    expect(all.find((it) => it.room === rooms[1])!.retentionMs).toBe(2 * HOUR_MS);
  });

  it('is not led past rooms by a leader that has heard of an earlier change only', async () => {
    const rooms = Array.from({ length: 3 }, () => chat.groupRoom(alice)).toSorted();
    for (const room of rooms) chat.send(alice, room, 'old');
    chat.must('server.set-retention', null, { retentionMs: 2 * HOUR_MS });
    const stale = await findExpired(chat.view, chat.stampMs, 500);
    chat.wait(1);
    chat.must('server.set-retention', null, { retentionMs: HOUR_MS });
    chat.must('state.sweep', null, { keys: stale.slice(-1) });
    chat.wait(HOUR_MS);
    await sweepAll();
    for (const room of rooms) expect(await kept(room)).toEqual([]);
  });

  it('goes in steps of bounded size', async () => {
    const room = chat.groupRoom(alice);
    for (let i = 0; i < 700; i++) chat.send(alice, room, `m${i}`);
    chat.must('room.set-retention', alice, { room, retentionMs: HOUR_MS });
    chat.wait(HOUR_MS);
    const keys = await findExpired(chat.view, chat.stampMs, 500);
    const before = chat.view.gets + chat.view.puts;
    chat.must('state.sweep', null, { keys });
    expect(chat.view.gets + chat.view.puts - before).toBeLessThan(256 * 8);
    expect((await kept(room)).length).toBe(500 - 256);
    expect(await sweepAll()).toBeGreaterThanOrEqual(2);
    expect(await kept(room)).toEqual([]);
  });

  it('leaves at any time exactly what is younger', async () => {
    const act = fc.oneof(
      fc.record({ do: fc.constant('send' as const) }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 5_000 }) }),
      fc.record({
        do: fc.constantFrom('room' as const, 'server' as const),
        ms: fc.constantFrom(0, 1_000, 3_000, 10_000),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
        chat = new ChatHarness();
        alice = chat.register('alice');
        const room = chat.groupRoom(alice);
        const sent: { readonly seq: number; readonly at: number }[] = [];
        let left: typeof sent = [];
        const bounds = { room: 0, server: 0 };
        for (const step of acts) {
          if (step.do === 'send') {
            chat.send(alice, room, `${sent.length}`);
            sent.push({ seq: sent.length + 1, at: chat.stampMs });
            left.push(sent.at(-1)!);
          } else if (step.do === 'wait') chat.wait(step.ms);
          else {
            bounds[step.do] = step.ms;
            if (step.do === 'room') chat.must('room.set-retention', alice, { room, retentionMs: step.ms });
            else chat.must('server.set-retention', null, { retentionMs: step.ms });
          }
          await sweepAll();
          const keptMs = Math.min(bounds.room || Infinity, bounds.server || Infinity);
          left = left.filter(({ at }) => at + keptMs > chat.stampMs);
          expect(await kept(room)).toEqual(left.map(({ seq }) => seq));
        }
      }),
      { numRuns: 30 },
    );
  });
});
