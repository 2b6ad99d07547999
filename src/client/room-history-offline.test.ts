import { describe, expect, it } from 'vitest';
import { ParleyError } from '../protocol/errors.ts';
import { MemoryStore } from '../testing/client/memory-store.ts';
import { Archive } from './archive.ts';
import { RoomHistory } from './room-history.ts';
import type { AccountName, DeviceId, RoomId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { MessageLine, Reader } from './reader.ts';

const ROOM = 'R' as RoomId;
const line = (seq: number): MessageLine => ({
  ...{ room: ROOM, seq, id: `id-${seq}`, from: 'bob' as AccountName, account: 'bob' as AccountName },
  ...{ device: 'D' as DeviceId, sentAt: '2026-01-01T00:00:00.000Z', text: `text ${seq}` },
});

describe('the history of a room where no node answers', () => {
  const historyOf = async (...seqs: readonly number[]): Promise<RoomHistory> => {
    const archive = new Archive(new MemoryStore());
    await archive.keep(seqs.map(line));
    const read = (): Promise<never> => Promise.reject(new ParleyError('cannot_connect'));
    return new RoomHistory({ read } as unknown as ClientContext, { archive, reader: {} as Reader });
  };
  const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const seqsOf = ({ lines }: { readonly lines: readonly MessageLine[] }): number[] => lines.map(({ seq }) => seq);

  it('goes on with what is kept, however little that is', async () => {
    const history = await historyOf(...upTo(40, 90));
    expect(seqsOf(await history.after(ROOM, 80, 100))).toEqual(upTo(81, 90));
    expect(seqsOf(await history.before(ROOM, 45, 100))).toEqual(upTo(40, 44));
  });

  it('shows a message among those that are kept around it', async () => {
    const history = await historyOf(...upTo(40, 90), 92);
    expect(seqsOf(await history.around(ROOM, 88, 100))).toEqual(upTo(40, 90));
    expect(seqsOf(await history.around(ROOM, 60, 10))).toEqual(upTo(56, 65));
    expect(seqsOf(await history.around(ROOM, 91, 10))).toEqual([]);
  });
});
