import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveForTest } from '../../api/test-server.ts';
import { LivePerson } from '../../testing/client/live-person.ts';
import { TestClient } from '../../testing/client/test-client.ts';
import { LocalChatNode } from '../../testing/local-chat-node.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { Archive } from '../archive.ts';
import type { TestServer } from '../../api/test-server.ts';
import type { SearchOptions } from './message-search.ts';
import type { RoomId } from '../../protocol/ids.ts';

const MS_MAX = 10_000;
const forever = new AbortController().signal;

describe('the search in messages', () => {
  let server: TestServer;
  let endpoints: string[];
  let ann: TestClient;
  let bob: TestClient;
  let garden: RoomId;

  beforeEach(async () => {
    server = await serveForTest(new LocalChatNode());
    endpoints = [server.url];
    ann = await TestClient.registered('ann', { endpoints });
    bob = await TestClient.registered('bob', { endpoints });
    garden = await ann.client.rooms.createGroup('garden', ['bob'], MS_MAX);
  });
  afterEach(() => server.close(0));

  /** Reads and indexes all that somebody may read. */
  const catchUp = async ({ client }: TestClient): Promise<number> =>
    client.search.catchUp(await client.rooms.list(MS_MAX), { signal: forever, pauseMs: 0 });
  const found = async ({ client }: TestClient, query: string, options: SearchOptions = {}): Promise<string[]> => {
    const texts: string[] = [];
    for await (const { line, text } of client.search.find(query, options)) texts.push(`${line.seq} ${text}`);
    return texts;
  };

  it('finds what was written in all rooms, by how words begin, newest first', async () => {
    await ann.say('garden', 'The Crème is in the fridge');
    await bob.say('@ann', 'creme, again?');
    await ann.say('garden', 'no more');
    expect(await found(bob, 'creme')).toEqual([]);
    expect(await catchUp(bob)).toBe(2);
    expect(await found(bob, 'CREM')).toEqual(['1 creme, again?', '1 The Crème is in the fridge']);
    expect(await found(bob, 'creme', { room: garden })).toEqual(['1 The Crème is in the fridge']);
    expect(await found(bob, 'fridge cr')).toEqual(['1 The Crème is in the fridge']);
    expect(await found(bob, 'fridge again')).toEqual([]);
    expect(await found(bob, '…')).toEqual([]);
    expect(bob.client.search.isSearchable('…')).toBe(false);
  });

  it('finds what is not indexed yet, and the same once it is', async () => {
    await ann.say('garden', 'needle');
    await new Archive(bob.store).keep(await bob.lines('garden'));
    expect(bob.store.keys('unindexed/')).toHaveLength(1);
    expect(await found(bob, 'need')).toEqual(['1 needle']);
    await bob.client.search.indexAll({ signal: forever, pauseMs: 0 });
    expect(bob.store.keys('unindexed/')).toEqual([]);
    expect(bob.store.keys('words/').length).toBeGreaterThan(0);
    expect(await found(bob, 'need')).toEqual(['1 needle']);
  });

  it('finds what a node did not have yet when it was asked', async () => {
    await ann.say('garden', 'first');
    await catchUp(bob);
    await ann.say('garden', 'needle');
    // Another node has told of it.
    bob.network.lie<{ messages: unknown[] }>('GET', /\/messages\?/, (page, { path }) =>
      path.includes('consistency=linearizable') ? page : { ...page, messages: [] },
    );
    await catchUp(bob);
    expect(await found(bob, 'need')).toEqual(['2 needle']);
  });

  it('finds a message by its newest text only', async () => {
    await ann.say('garden', 'lunch at noon');
    await ann.client.messages.edit('garden', 1, 'dinner at eight', { timeoutMs: MS_MAX });
    await catchUp(bob);
    expect(await found(bob, 'noon')).toEqual([]);
    expect(await found(bob, 'eight')).toEqual(['1 dinner at eight']);
    await ann.client.messages.edit('garden', 1, 'supper', { timeoutMs: MS_MAX });
    await catchUp(bob);
    expect(await found(bob, 'eight')).toEqual([]);
    expect(await found(bob, 'supp')).toEqual(['1 supper']);
  });

  it('keeps no word of what is gone', async () => {
    await ann.say('garden', 'confidential');
    await ann.say('garden', 'plain');
    await catchUp(bob);
    await ann.client.messages.delete('garden', 1, MS_MAX);
    // Whoever was away learns of it when it is found.
    expect(await found(bob, 'confid')).toHaveLength(1);
    expect(await found(bob, 'confid', { check: true })).toEqual([]);
    await bob.client.search.indexAll({ signal: forever, pauseMs: 0 });
    const rows = await bob.store.transaction((tx) => tx.list(''));
    expect(rows.filter(([, value]) => new TextDecoder().decode(value).includes('confidential'))).toEqual([]);
    expect(await found(bob, 'plain', { check: true })).toEqual(['2 plain']);
  });

  it('believes what it has where no node answers', async () => {
    await ann.say('garden', 'remember me');
    await catchUp(bob);
    bob.network.cut();
    expect(await found(bob, 'remember')).toEqual(['1 remember me']);
  });

  it('reads long rooms in slices, goes on where it was interrupted, and asks for nothing twice', async () => {
    for (let i = 1; i <= 230; i++) await ann.say('garden', `number ${i}`);
    const stopping = new AbortController();
    const rooms = await bob.client.rooms.list(MS_MAX);
    const options = { signal: stopping.signal, pauseMs: 0, onStep: () => stopping.abort() };
    expect(await bob.client.search.catchUp(rooms, options)).toBe(0);
    expect(await found(bob, 'number 230')).toEqual(['230 number 230']);
    expect(await found(bob, 'number 13')).toEqual(
      ['139', '138', '137', '136', '135', '134', '133', '132', '131'].map((n) => `${n} number ${n}`),
    );
    const again = await TestClient.open({ endpoints, store: bob.store.kill() });
    await catchUp(again);
    expect(again.network.count('GET', /\/messages\?/)).toBe(2);
    expect(await found(again, 'number 13')).toContain('13 number 13');
    await catchUp(again);
    expect(again.network.count('GET', /\/messages\?/)).toBe(2);
  }, 60_000);

  it('forgets a room that one is in no longer', async () => {
    await ann.say('garden', 'secret');
    await catchUp(bob);
    await new Archive(bob.store).forget(garden);
    expect(await found(bob, 'secret')).toEqual([]);
    expect(
      bob.store.keys().filter((key) => key.includes(garden) && /^(words|unindexed|edited|filled|lines)/.test(key)),
    ).toEqual([]);
  });

  it('is kept complete while a program is open', async () => {
    await ann.say('garden', 'an early word');
    const app = await LivePerson.open(bob);
    await ann.say('garden', 'a late word');
    await waitUntil(
      async () => (await found(bob, 'word')).length === 2 && bob.store.keys('unindexed/').length === 0,
      MS_MAX,
      'both to be indexed',
    );
    await waitUntil(
      () => app.live.searchable.total === 1 && app.live.searchable.done === 1,
      MS_MAX,
      'the room to be whole',
    );
    expect(await found(bob, 'word')).toEqual(['2 a late word', '1 an early word']);
    await ann.client.messages.delete('garden', 1, MS_MAX);
    await waitUntil(async () => (await found(bob, 'early')).length === 0, MS_MAX, 'the deletion');
    await app.close();
  });
});
