import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { serveForTest } from '../../src/api/test-server.ts';
import { LocalChatNode } from '../../src/testing/local-chat-node.ts';
import { waitUntil } from '../../src/testing/wait-until.ts';
import { createPerson, openDirectRoom } from '../load/person.ts';
import { HistoryRecorder } from './history.ts';
import { Writer } from './writer.ts';

it('makes no further send once it has finished, so that what is read then is all', async () => {
  const node = new LocalChatNode();
  const server = await serveForTest(node);
  const people = [await createPerson(server.url, 'ann'), await createPerson(server.url, 'bob')] as const;
  const room = await openDirectRoom(server.url, ...people);
  const history = new HistoryRecorder(null);
  const writer = new Writer(people[0], room, [{ name: 'n1', url: server.url }], 0, history);
  const made = (): number => history.records.filter(({ type }) => type === 'invoke').length;
  await writer.start(25);
  await waitUntil(() => made() >= 3);
  await writer.finish();
  const finished = made();
  expect(history.records.filter(({ type }) => type === 'ok')).toHaveLength(finished);
  await delay(100);
  expect(made()).toBe(finished);
  writer.close();
  await server.close(1_000);
  await history.close();
});
