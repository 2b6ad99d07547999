import { expect, it } from 'vitest';
import { PresenceWatches } from './presence-watches.ts';
import type { AccountId, RoomId } from '../../protocol/ids.ts';
import type { Watcher } from './presence-watches.ts';

const room = 'R' as RoomId;
const people = (...names: string[]): Map<AccountId, RoomId> => new Map(names.map((name) => [name as AccountId, room]));

class Reader implements Watcher {
  readonly account = 'reader' as AccountId;
  readonly heard: string[][] = [];
  hasRoom = true;

  tell(accounts: readonly AccountId[]): boolean {
    if (this.hasRoom) this.heard.push([...accounts]);
    return this.hasRoom;
  }
}

it('tells only who watches, and no longer than that', () => {
  const watches = new PresenceWatches(100);
  const [one, two] = [new Reader(), new Reader()];
  watches.set(one, people('ann', 'bob'));
  watches.set(two, people('bob'));
  for (const name of ['ann', 'bob', 'cay']) watches.changed(name as AccountId);
  watches.set(one, people('cay'));
  watches.remove(two);
  for (const name of ['ann', 'bob', 'cay']) watches.changed(name as AccountId);
  expect(one.heard).toEqual([['ann'], ['bob'], ['cay']]);
  expect(two.heard).toEqual([['bob']]);
  expect(watches.size).toBe(1);
  expect([watches.roomOf(one, 'cay' as AccountId), watches.roomOf(one, 'ann' as AccountId)]).toEqual([room, undefined]);
});

it('tells who had no room how things are as soon as there is some', () => {
  const watches = new PresenceWatches(100);
  const reader = new Reader();
  watches.set(reader, people('ann', 'bob'));
  reader.hasRoom = false;
  watches.changed('bob' as AccountId);
  watches.tick();
  expect(reader.heard).toEqual([]);
  reader.hasRoom = true;
  watches.tick();
  watches.tick();
  expect(reader.heard).toEqual([['ann', 'bob']]);
});

it('is bounded for all readers together', () => {
  const watches = new PresenceWatches(3);
  const [one, two] = [new Reader(), new Reader()];
  watches.set(one, people('a', 'b'));
  expect(() => watches.set(two, people('a', 'b'))).toThrow(expect.objectContaining({ code: 'overloaded' }));
  watches.set(one, people('c', 'd', 'e'));
  watches.remove(one);
  watches.set(two, people('a', 'b', 'c'));
  expect(watches.size).toBe(3);
});

it('tells very many watchers in several turns of the event loop', async () => {
  const watches = new PresenceWatches(10_000);
  const readers = Array.from({ length: 1_100 }, () => new Reader());
  for (const reader of readers) watches.set(reader, people('ann'));
  watches.changed('ann' as AccountId);
  const told = (): number => readers.filter(({ heard }) => heard.length === 1).length;
  expect(told()).toBe(500);
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(told()).toBe(1_100);
});
