import { afterEach, beforeEach, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { parseServerFrame } from './server-frames.ts';
import type { TestServer } from '../api/test-server.ts';
import type { TypingFrameJson } from '../protocol/http/frames.ts';
import type { PresenceChoiceT } from '../protocol/http/presence.ts';

const MS_MAX = 10_000;
let server: TestServer;
let ann: TestClient;
let bob: TestClient;
const stopping: AbortController[] = [];

beforeEach(async () => {
  server = await serveForTest(new LocalChatNode(), { limits: { presenceLingerMs: 1, presenceBeatMs: 20 } });
  ann = await TestClient.registered('ann', { endpoints: [server.url] });
  bob = await TestClient.registered('bob', { endpoints: [server.url] });
  await ann.client.rooms.createGroup('garden', ['bob'], MS_MAX);
  await ann.say('@bob', 'hello');
});
afterEach(async () => {
  for (const one of stopping.splice(0)) one.abort();
  await server.close(0);
});

/** Listens until the end of the test. @returns who was heard to write */
async function listen(
  person: TestClient,
  target: string | null,
  presence?: PresenceChoiceT,
): Promise<readonly TypingFrameJson[]> {
  const stop = new AbortController();
  stopping.push(stop);
  const typing: TypingFrameJson[] = [];
  let live = false;
  const listener = {
    messages: () => {},
    connected: () => void (live = true),
    disconnected: () => {},
    typing: (told: TypingFrameJson) => void typing.push(told),
  };
  void person.client.follow(target, listener, stop.signal, presence).catch(() => {});
  await waitUntil(() => live, MS_MAX, 'the feed to be live');
  return typing;
}
const who = async (person: TestClient, target: string): Promise<string[]> => {
  const seen: string[] = [];
  for await (const { account, status } of person.client.presence.in(target)) seen.push(`${account} ${status}`);
  return seen;
};

it('shows who of a room is there, as they want to be seen', async () => {
  expect(await who(bob, 'garden')).toEqual(['ann offline', 'bob offline']);
  await listen(ann, null, 'busy');
  expect(await who(bob, 'garden')).toEqual(['ann busy', 'bob offline']);
  expect((await who(bob, '@ann')).toSorted()).toEqual(['ann busy', 'bob offline']);
  await listen(bob, null, 'invisible');
  expect(await who(ann, 'garden')).toEqual(['ann busy', 'bob offline']);
  await expect(who(ann, 'nowhere')).rejects.toMatchObject({ code: 'no_such_room' });
});

it('shows it of open rooms too, whose members are not known one by one', async () => {
  const room = await ann.client.rooms.createOpen({ name: 'square' }, [], MS_MAX);
  await bob.client.openRooms.join(`room:${room}`);
  await listen(ann, null);
  expect(await who(bob, 'square')).toEqual(['ann online', 'bob offline']);
});

it('brings typing of all rooms or of one', async () => {
  const all = await listen(bob, null);
  const garden = await listen(bob, 'garden');
  const { room, forMs } = await ann.client.presence.type('@bob', true);
  expect(forMs).toBeGreaterThan(0);
  await ann.client.presence.type('garden', true);
  await ann.client.presence.type('garden', false);
  await waitUntil(() => all.length === 3 && garden.length === 2, MS_MAX, 'typing');
  expect(all[0]).toMatchObject({ room, account: 'ann', active: true });
  expect(garden.map(({ active }) => active)).toEqual([true, false]);
});

it('believes no node that says how things cannot be', () => {
  const typing = { type: 'typing', room: `R${'a'.repeat(26)}`, account: 'ann', accountId: `A${'a'.repeat(26)}` };
  const parse = (more: object): unknown => parseServerFrame(JSON.stringify({ ...typing, active: true, ...more }));
  expect(parse({ forMs: 1e12 })).toMatchObject({ typing: { forMs: 60_000 } });
  for (const more of [{}, { forMs: 0 }, { forMs: 5, room: 'R' }, { forMs: 5, account: '\u202eann' }]) {
    expect(() => parse(more)).toThrow('not what a node answers');
  }
});
