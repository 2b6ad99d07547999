import { beforeEach, describe, expect, it } from 'vitest';
import { ParleyError } from '../protocol/errors.ts';
import { RoomView } from './room-view.ts';
import type { AccountName, DeviceId, RoomId } from '../protocol/ids.ts';
import type { MessageLine } from './reader.ts';
import type { HistoryRun } from './room-history.ts';

const ROOM = 'R' as RoomId;
const line = (seq: number): MessageLine => ({
  ...{ room: ROOM, seq, id: `id-${seq}`, from: 'bob' as AccountName, account: 'bob' as AccountName },
  ...{ device: 'D' as DeviceId, sentAt: '2026-01-01T00:00:00.000Z', text: `text ${seq}` },
});
const lines = (from: number, to: number): MessageLine[] =>
  Array.from({ length: to - from + 1 }, (_, i) => line(from + i));

/** A question to a node that waits for its answer. */
interface Asked {
  readonly what: 'newest' | 'before' | 'after' | 'around';
  readonly answer: (run: Partial<HistoryRun>) => Promise<void>;
}

describe('a conversation on the screen', () => {
  let asked: Asked[];
  let view: RoomView;

  beforeEach(async () => {
    asked = [];
    const ask = (what: Asked['what']) => (): Promise<HistoryRun> =>
      new Promise((resolve) => {
        const answer = async (run: Partial<HistoryRun>): Promise<void> => {
          resolve({ lines: [], offline: null, ...run });
          await settled();
        };
        asked.push({ what, answer });
      });
    view = new RoomView(ROOM, {
      history: { newest: ask('newest'), before: ask('before'), after: ask('after'), around: ask('around') },
      archive: { before: () => Promise.resolve(lines(300, 340)), rooms: () => Promise.resolve([]) },
      marks: () => Promise.resolve(new Map()),
      changed: () => {},
    });
    void view.open();
    await settled();
  });

  /** Everything that does not wait for an answer has been done. */
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const next = (what: Asked['what']): Asked => {
    const question = asked.shift();
    expect(question?.what).toBe(what);
    return question!;
  };
  const stretch = (): [number, number] => [view.timeline.first, view.timeline.last];

  it('asks for the newest again that were asked for while older ones were on their way', async () => {
    await next('newest').answer({ offline: new ParleyError('cannot_connect') });
    void view.older();
    // A node can be reached again.
    void view.toNewest();
    await next('before').answer({ offline: new ParleyError('cannot_connect') });
    await next('newest').answer({ lines: lines(341, 400) });
    expect(stretch()).toEqual([300, 400]);
    expect(view.failure).toBeNull();
  });

  it('lacks nothing that came while older ones were on their way', async () => {
    await next('newest').answer({ offline: new ParleyError('cannot_connect') });
    void view.older();
    view.arrived(lines(350, 351));
    await next('before').answer({ lines: lines(250, 299) });
    await next('newest').answer({ lines: lines(292, 351) });
    expect(stretch()).toEqual([250, 351]);
  });

  it('does not take for the newest what newer ones have come behind meanwhile', async () => {
    await next('newest').answer({ lines: lines(341, 400) });
    void view.jumpTo(10);
    await next('around').answer({ lines: lines(1, 100) });
    expect(view.isAtNewest).toBe(false);
    void view.newer();
    view.arrived(lines(131, 131));
    await next('after').answer({ lines: lines(101, 130) });
    expect(view.isAtNewest).toBe(false);
    void view.newer();
    await next('after').answer({ lines: lines(131, 131) });
    expect([stretch(), view.isAtNewest]).toEqual([[1, 131], true]);
  });

  it('has on its way back to the newest what came since it asked', async () => {
    await next('newest').answer({ lines: lines(341, 400) });
    void view.jumpTo(10);
    await next('around').answer({ lines: lines(1, 100) });
    void view.toNewest();
    view.arrived([line(401)]);
    await next('newest').answer({ lines: lines(341, 400) });
    await next('newest').answer({ lines: lines(342, 401) });
    expect([stretch(), view.isAtNewest]).toEqual([[341, 401], true]);
  });
});
