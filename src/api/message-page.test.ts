import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { serveForTest } from './test-server.ts';
import { ApiPerson } from '../testing/api-person.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import type { TestServer } from './test-server.ts';
import type { RoomDetailJson } from '../protocol/http/schemas.ts';

const LARGE = 60;
const SMALL = 70;
const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('pages of messages', () => {
  const node = new LocalChatNode();
  let server: TestServer;
  let ada: ApiPerson;
  let roster: RoomDetailJson;

  beforeAll(async () => {
    const plenty = { perSecond: 1e6, burst: 1e6 };
    server = await serveForTest(node, { limits: { perAccount: plenty, perAddress: plenty } });
    ada = await ApiPerson.join(server.url, 'ada');
    roster = await ada.room(await ada.createRoom('group', []));
    for (let i = 0; i < LARGE; i++) await ada.send(roster, 'x'.repeat(40_000));
    for (let i = 0; i < SMALL; i++) await ada.send(roster, 'x');
  });
  afterAll(() => server.close(1_000));

  async function seqs(query: string): Promise<number[]> {
    const path = `/v1/rooms/${roster.room}/messages?${query}`;
    const { body } = await ada.call<{ messages: { seq: number }[]; lastSeq: number }>('GET', path);
    expect(body.lastSeq).toBe(LARGE + SMALL);
    return body.messages.map(({ seq }) => seq);
  }

  it('are cut where they grow large, and the next one goes on from there', async () => {
    const all: number[] = [];
    for (let pages = 0; all.at(-1) !== LARGE + SMALL; pages++) {
      expect(pages).toBeLessThan(10);
      all.push(...(await seqs(`after=${all.at(-1) ?? 0}&limit=500`)));
    }
    expect(all).toEqual(upTo(LARGE + SMALL));
    expect(await seqs('after=0&limit=500')).toEqual(upTo(25));
  });

  it('keep what is nearest, whichever way they are read', async () => {
    expect(await seqs('limit=500')).toEqual(upTo(LARGE + SMALL, LARGE - 24));
    expect(await seqs(`before=${LARGE + 1}&limit=500`)).toEqual(upTo(LARGE, LARGE - 24));
    expect(await seqs(`before=11&limit=500`)).toEqual(upTo(10));
    expect(await seqs(`after=5&before=9&limit=500`)).toEqual([6, 7, 8]);
    expect(await seqs(`after=${LARGE}&limit=60`)).toEqual(upTo(LARGE + 60, LARGE + 1));
    expect(await seqs(`limit=60`)).toEqual(upTo(LARGE + SMALL, LARGE + SMALL - 59));
  });

  it('read little more from the state than they bring', async () => {
    const range = vi.spyOn(node.reader, 'range');
    await seqs('after=0&limit=500');
    expect(range.mock.calls.map(([{ limit }]) => limit)).toEqual([50]);
    range.mockRestore();
  });
});
