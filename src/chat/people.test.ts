import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../protocol/limits.ts';
import { ChatHarness } from '../testing/chat-harness.ts';
import { blocksPage, hasBlocked, profileOf, searchPeople } from './queries-people.ts';
import { findExpired } from './queries-sweep.ts';
import type { Person } from '../testing/chat-harness.ts';
import type { PeopleCursor } from './queries-people.ts';

let chat: ChatHarness;
let ann: Person;
let bob: Person;

beforeEach(() => {
  chat = new ChatHarness();
  [ann, bob] = ['ann', 'bob'].map((name) => chat.register(name)) as [Person, Person];
});

const search = async (query: string, limit = 2): Promise<string[]> => {
  const names: string[] = [];
  let after: PeopleCursor | null = null;
  do {
    const page: Awaited<ReturnType<typeof searchPeople>> = await searchPeople(chat.view, { query, after, limit });
    expect(page.people.length).toBeLessThanOrEqual(limit);
    names.push(...page.people.map(({ name }) => name));
    after = page.next;
  } while (after !== null);
  return names;
};
const call = (who: Person, displayName: string): unknown => chat.must('profile.set', who, { displayName });
const block = (who: Person, other: Person, blocked = true) =>
  chat.code('block.set', who, { account: other.account, blocked });
const rows = (prefix: string): string[] => [...chat.view.rows.keys()].filter((key) => key.startsWith(prefix));

describe('a profile', () => {
  it('changes where something is given', () => {
    expect(profileOf(chat.view, ann.account)).toBeUndefined();
    call(ann, 'Ann Lee');
    chat.must('profile.set', ann, { status: 'in the garden' });
    expect(profileOf(chat.view, ann.account)).toMatchObject({ displayName: 'Ann Lee', status: 'in the garden' });
    chat.must('profile.set', ann, { displayName: '' });
    expect(profileOf(chat.view, ann.account)).toMatchObject({ displayName: '', status: 'in the garden' });
    expect(rows('W/')).toEqual([]);
    const told = chat.events.filter(({ event }) => event.kind === 'profile-changed').length;
    chat.must('profile.set', ann, { status: 'in the garden' });
    expect(chat.events.filter(({ event }) => event.kind === 'profile-changed')).toHaveLength(told);
  });

  it('holds one line each, without what deceives the eye', () => {
    for (const displayName of ['a\nb', 'a\u202Eb', 'a\u0000', 'é'.repeat(LIMITS.displayNameBytesMax)]) {
      expect(chat.code('profile.set', ann, { displayName })).toBe('bad_request');
    }
    expect(chat.code('profile.set', ann, { displayName: 'Zoë 🌱 李' })).toBe('ok');
  });

  it('goes with its account', async () => {
    call(ann, 'Ann Lee');
    block(ann, bob);
    chat.must('user.delete', ann, { account: ann.account, messages: false });
    expect(profileOf(chat.view, ann.account)).toBeUndefined();
    const keys = async () => findExpired(chat.view, chat.stampMs, 100);
    for (let left = await keys(); left.length > 0; left = await keys()) chat.must('state.sweep', null, { keys: left });
    expect([rows('W/'), rows('C/'), rows('Z/')]).toEqual([[], [], []]);
  });
});

describe('finding people', () => {
  it('goes by how the name, or a word of the display name, begins; each once; whatever the case', async () => {
    const others = ['anna', 'carl', 'dora', 'emil'].map((name) => chat.register(name)) as [
      Person,
      Person,
      Person,
      Person,
    ];
    const [, carl, dora, emil] = others;
    call(ann, 'Ann Annsdotter');
    call(carl, 'Änne von Hohen  Annaberg');
    call(dora, 'ANNABELLE');
    call(emil, 'Émile Ann');
    expect(await search('ann')).toEqual(['ann', 'anna', ...(await search('ann')).slice(2)]);
    expect((await search('ann')).toSorted()).toEqual(['ann', 'anna', 'carl', 'dora', 'emil']);
    expect(await search('@Ann')).toEqual(await search('ann'));
    expect(await search('änn')).toEqual(['carl']);
    expect(await search('von hohen anna')).toEqual(['carl']);
    expect(await search('E\u0301MI')).toEqual(['emil']);
    expect(await search('nn')).toEqual([]);
    call(dora, 'Dora');
    expect((await search('annab')).toSorted()).toEqual(['carl']);
    chat.must('user.set-active', null, { account: carl.account, active: false });
    expect(await search('annab')).toEqual([]);
  });
});

describe('blocking', () => {
  it('keeps somebody from beginning a conversation, going on with one, and inviting', () => {
    const direct = chat.directRoom(ann, bob);
    const room = chat.groupRoom(bob);
    expect(chat.send(bob, direct, 'one')).toMatchObject({ ok: true });
    expect(block(ann, bob)).toBe('ok');
    expect(block(ann, bob)).toBe('ok');
    expect(chat.send(bob, direct, 'two')).toMatchObject({ code: 'blocked', data: { account: ann.account } });
    expect(chat.code('room.create', bob, { kind: 'group', members: [ann.account] })).toBe('blocked');
    expect(chat.code('room.add', bob, { room, members: [ann.account] })).toBe('blocked');
    const cay = chat.register('cay');
    block(cay, bob);
    expect(chat.code('room.create', bob, { kind: 'direct', members: [cay.account] })).toBe('blocked');
    // Who blocks may write, and be in a room with whom it blocks.
    expect(chat.send(ann, direct, 'three')).toMatchObject({ ok: true });
    const common = chat.groupRoom(ann, bob);
    expect(chat.send(bob, common, 'four')).toMatchObject({ ok: true });
    expect(hasBlocked(chat.view, ann.account, bob.account)).toBe(true);
    expect(hasBlocked(chat.view, bob.account, ann.account)).toBe(false);
    block(ann, bob, false);
    expect(chat.send(bob, direct, 'five')).toMatchObject({ ok: true });
  });

  it('is known to the own devices only, bounded, and listed page by page', async () => {
    const told = chat.events.length;
    block(ann, bob);
    expect(chat.events.slice(told).map(({ event }) => event)).toMatchObject([
      { kind: 'block-changed', account: ann.account, other: bob.account, blocked: true },
    ]);
    expect(block(ann, ann)).toBe('invalid_field');
    const others = Array.from({ length: 4 }, (_, i) => chat.register(`p${i}`));
    for (const other of others) block(ann, other);
    const all = [bob, ...others].map(({ account }) => account).toSorted();
    const first = await blocksPage(chat.view, ann.account, { limit: 3 });
    expect(first.blocks.map(({ account }) => account)).toEqual(all.slice(0, 3));
    const rest = await blocksPage(chat.view, ann.account, { limit: 3, after: first.next! });
    expect([rest.blocks.map(({ account }) => account), rest.next]).toEqual([all.slice(3), null]);
    for (const other of [bob, ...others]) block(ann, other, false);
    expect(rows('C/')).toEqual([]);
  });
});
