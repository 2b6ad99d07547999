import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ChatHarness } from '../testing/chat-harness.ts';
import { ENTRIES_PER_SPAN } from './activity.ts';
import { afterPrefix, KEYS, scopeIn } from './keys.ts';
import { changedSince, shareRoom } from './queries-activity.ts';
import { endOfEntry } from './queries-cursor.ts';
import { eventsSince } from './queries-events.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

const ROOMS = 200;

let chat: ChatHarness;
let ann: Person;
let bob: Person;
let rooms: RoomId[];
beforeEach(() => {
  chat = new ChatHarness();
  [ann, bob] = [chat.register('ann'), chat.register('bob')];
  rooms = Array.from({ length: ROOMS }, (_, i) => (i < 3 ? chat.groupRoom(ann, bob) : chat.groupRoom(ann)));
});

const idle = (entries: number): void => {
  for (let i = 0; i < entries; i++) chat.apply();
};
const texts = async (who: Person, index: number): Promise<string[]> => {
  const page = await eventsSince(chat.view, { account: who.account, after: endOfEntry(index), limit: 1_000 });
  return page.recovered
    ? page.events.map(({ event }) => `${event.kind} ${'room' in event ? event.room : ''}`)
    : ['lost'];
};
/** Rows that were read. */
async function costOf(work: () => Promise<unknown>): Promise<number> {
  const before = chat.view.gets + chat.view.rangedRows;
  await work();
  return chat.view.gets + chat.view.rangedRows - before;
}

describe('who comes back', () => {
  it('reads what changed, not every room that it is in', async () => {
    idle(2 * ENTRIES_PER_SPAN);
    const at = chat.view.appliedIndex;
    chat.send(bob, rooms[1]!, 'one');
    chat.must('room.archive', ann, { room: rooms[150]!, archived: true });
    expect(await texts(ann, at)).toEqual([`message ${rooms[1]}`, `room-archived ${rooms[150]}`]);
    expect(await costOf(() => texts(ann, at))).toBeLessThan(60);
    expect(await texts(bob, at)).toEqual([`message ${rooms[1]}`]);
  });

  it('looks at its rooms where more has happened than it has rooms', async () => {
    idle(ENTRIES_PER_SPAN);
    const at = chat.view.appliedIndex;
    const carl = chat.register('carl');
    for (let i = 0; i < 2 * ROOMS; i++) chat.send(carl, chat.groupRoom(carl), 'elsewhere');
    chat.send(bob, rooms[0]!, 'one');
    expect(await changedSince(chat.view, ann.account, at)).toBeNull();
    expect(await texts(ann, at)).toEqual([`message ${rooms[0]}`]);
    expect(await costOf(() => texts(ann, at))).toBeLessThan(10 * ROOMS);
  });

  it('hears of the devices of those with whom it shares a room, and of no others', async () => {
    idle(2 * ENTRIES_PER_SPAN);
    const stranger = chat.register('stranger');
    const open = chat.openRoom(stranger, 'lobby', ann);
    const at = chat.view.appliedIndex;
    chat.enrol(bob, 'phone');
    chat.enrol(stranger, 'phone');
    expect(open.startsWith('O')).toBe(true);
    expect(await texts(ann, at)).toEqual(['devices-changed ']);
    expect(await shareRoom(chat.view, ann.account, bob.account)).toBe(true);
    expect(await shareRoom(chat.view, bob.account, ann.account)).toBe(true);
    expect(await shareRoom(chat.view, ann.account, stranger.account)).toBe(false);
  });

  it('has each place in the index once, however often something happens there', async () => {
    for (let round = 0; round < 6; round++) {
      for (const room of rooms.slice(0, 3)) chat.send(bob, room, `${round}`);
      idle(ENTRIES_PER_SPAN / 2);
    }
    const end = afterPrefix(KEYS.activities);
    const rows = await chat.view.range({ gte: KEYS.activities, lt: end, limit: 10 * ROOMS });
    const scopes = rows.map(([key]) => scopeIn(key));
    expect(new Set(scopes).size).toBe(scopes.length);
    expect(scopes.slice(-3).toSorted()).toEqual(
      rooms
        .slice(0, 3)
        .map((room) => `m/${room}`)
        .toSorted(),
    );
  });

  it('sees the same by the index as by its rooms, whatever happened since', async () => {
    const act = fc.record({
      what: fc.nat({ max: 4 }),
      room: fc.nat({ max: 5 }),
      pause: fc.constantFrom(0, 0, 100, 300),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), fc.nat({ max: 25 }), async (acts, start) => {
        const at: number[] = [chat.view.appliedIndex];
        for (const { what, room, pause } of acts) {
          const into = rooms[room]!;
          if (what === 0) chat.send(ann, into, 'a');
          else if (what === 1) chat.send(bob, into, 'b');
          else if (what === 2) chat.run('room.add', ann, { room: into, members: [bob.account] });
          else if (what === 3) chat.run('room.remove', ann, { room: into, member: bob.account });
          else chat.run('room.archive', ann, { room: into, archived: room % 2 === 0 });
          idle(pause);
          at.push(chat.view.appliedIndex);
        }
        const index = at[start % at.length]!;
        const seen = await texts(ann, index);
        const expected = chat.events.filter(({ index: of, event }) => of > index && event.kind !== 'session-ended');
        expect(seen).toEqual(expected.map(({ event }) => `${event.kind} ${'room' in event ? event.room : ''}`));
      }),
      { numRuns: 40 },
    );
  });
});
