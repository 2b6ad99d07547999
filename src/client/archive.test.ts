import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../testing/client/memory-store.ts';
import { Archive } from './archive.ts';
import type { AccountName, DeviceId, RoomId } from '../protocol/ids.ts';
import type { MessageLine } from './reader.ts';

const ROOM = 'Rone' as RoomId;
const line = (seq: number, text = `text ${seq}`): MessageLine => ({
  room: ROOM,
  seq,
  id: `id-${seq}`,
  from: 'ann' as AccountName,
  account: 'ann' as AccountName,
  device: 'D' as DeviceId,
  sentAt: '2026-01-01T00:00:00.000Z',
  text,
});
const lines = (from: number, to: number): MessageLine[] =>
  Array.from({ length: to - from + 1 }, (_, i) => line(from + i));
const seqs = (found: readonly MessageLine[]): number[] => found.map(({ seq }) => seq);

describe('the archive of a device', () => {
  it('gives back runs across its rows, and ends at a gap', async () => {
    const archive = new Archive(new MemoryStore());
    await archive.keep(lines(50, 300));
    expect(seqs(await archive.before(ROOM, 201, 150))).toEqual(seqs(lines(51, 200)));
    expect(seqs(await archive.before(ROOM, 60, 100))).toEqual(seqs(lines(50, 59)));
    await archive.keep(lines(1, 48));
    expect(seqs(await archive.before(ROOM, 52, 100))).toEqual([50, 51]);
    expect(seqs(await archive.before(ROOM, 3, 100))).toEqual([1, 2]);
    expect(await archive.before(ROOM, 1, 100)).toEqual([]);
  });

  it('gives back what follows a place, as much as there is without a gap', async () => {
    const archive = new Archive(new MemoryStore());
    await archive.keep([...lines(50, 128), ...lines(130, 140)]);
    expect(seqs(await archive.after(ROOM, 60, 10))).toEqual(seqs(lines(61, 70)));
    expect(seqs(await archive.after(ROOM, 60, 500))).toEqual(seqs(lines(61, 128)));
    expect(seqs(await archive.after(ROOM, 135, 100))).toEqual(seqs(lines(136, 140)));
    expect(await archive.after(ROOM, 128, 100)).toEqual([]);
    expect(await archive.after(ROOM, 140, 100)).toEqual([]);
  });

  it('knows how far each room is kept, and what was said last', async () => {
    const archive = new Archive(new MemoryStore());
    await archive.keep([line(1), { ...line(2), text: null, reactsTo: 1, reaction: '👍' }]);
    expect(await archive.rooms()).toEqual([{ room: ROOM, lastSeq: 2, last: line(1) }]);
  });

  it('leaves nothing of what is gone, neither in its place nor in the list', async () => {
    const store = new MemoryStore();
    const archive = new Archive(store);
    await archive.keep([line(1, 'a secret')]);
    await archive.markGone(ROOM, [1, 7], 'deleted');
    expect((await archive.rooms())[0]).toMatchObject({ last: null });
    const rows = await store.transaction((tx) => tx.list(''));
    expect(rows.some(([, value]) => new TextDecoder().decode(value).includes('secret'))).toBe(false);
  });

  it('forgets a room as a whole', async () => {
    const store = new MemoryStore();
    const archive = new Archive(store);
    await archive.keep(lines(1, 200));
    await archive.forget(ROOM);
    expect(store.keys()).toEqual([]);
  });
});
