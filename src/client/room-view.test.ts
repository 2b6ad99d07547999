import { describe, expect, it } from 'vitest';
import { ParleyError } from '../protocol/errors.ts';
import { MemoryStore } from '../testing/client/memory-store.ts';
import { Archive } from './archive.ts';
import { RoomView } from './room-view.ts';
import type { AccountName, DeviceId, RoomId } from '../protocol/ids.ts';
import type { MessageLine } from './reader.ts';
import type { HistoryRun, RoomHistory } from './room-history.ts';

const ROOM = 'R' as RoomId;
const line = (seq: number): MessageLine => ({
  ...{ room: ROOM, seq, id: `id-${seq}`, from: 'ann' as AccountName, account: 'ann' as AccountName },
  ...{ device: 'D' as DeviceId, sentAt: '2026-01-01T00:00:00.000Z', text: `text ${seq}` },
});
const lines = (from: number, to: number): MessageLine[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => line(from + i));

/** A room on a node: so many messages, told when a test lets it. */
class FakeRoom {
  last: number;
  offline: ParleyError | null = null;
  failure: ParleyError | null = null;
  asked: string[] = [];
  /** Answers wait for it. */
  gate: Promise<void> = Promise.resolve();

  constructor(last: number) {
    this.last = last;
  }

  get history(): RoomHistory {
    const answer = async (what: string, run: () => MessageLine[]): Promise<HistoryRun> => {
      this.asked.push(what);
      const told = run();
      await this.gate;
      if (this.failure !== null) throw this.failure;
      return this.offline === null ? { lines: told, offline: null } : { lines: [], offline: this.offline };
    };
    const after = (seq: number, count: number): MessageLine[] => lines(seq + 1, Math.min(this.last, seq + count));
    const parts: Pick<RoomHistory, 'newest' | 'before' | 'after' | 'around'> = {
      newest: (_, count) => answer('newest', () => lines(Math.max(1, this.last - count + 1), this.last)),
      before: (_, before, count) => answer(`before ${before}`, () => lines(Math.max(1, before - count), before - 1)),
      after: (_, seq, count) => answer(`after ${seq}`, () => after(seq, count)),
      around: (_, seq, count) => answer(`around ${seq}`, () => after(Math.max(0, seq - count / 2), count)),
    };
    return parts as RoomHistory;
  }

  /** Until the function that is returned is called, nobody answers. */
  hold(): () => void {
    let release!: () => void;
    this.gate = new Promise((resolve) => (release = resolve));
    return release;
  }
}

const viewOf = (room: FakeRoom, archive = new Archive(new MemoryStore())): RoomView =>
  new RoomView(ROOM, { history: room.history, archive, marks: () => Promise.resolve(new Map()), changed: () => {} });
const span = ({ timeline }: RoomView): readonly [number, number] => [timeline.first, timeline.last];

describe('a conversation on the screen', () => {
  it('begins with the newest, and grows backwards to its beginning', async () => {
    const view = viewOf(new FakeRoom(250));
    await view.open();
    expect(span(view)).toEqual([191, 250]);
    await view.older();
    expect(span(view)).toEqual([91, 250]);
    expect(view.hasOlder).toBe(true);
    await view.older();
    expect(span(view)).toEqual([1, 250]);
    expect(view.hasOlder).toBe(false);
  });

  it('shows what is kept before a node has answered', async () => {
    const archive = new Archive(new MemoryStore());
    await archive.keep(lines(1, 5));
    const room = new FakeRoom(8);
    const release = room.hold();
    const view = viewOf(room, archive);
    const opening = view.open();
    await expect.poll(() => span(view)).toEqual([1, 5]);
    release();
    await opening;
    expect(span(view)).toEqual([1, 8]);
  });

  it('jumps to a place of the past, and grows from there to the newest', async () => {
    const room = new FakeRoom(500);
    const view = viewOf(room);
    await view.open();
    expect(await view.jumpTo(200)).toBe(true);
    expect(view.isAtNewest).toBe(false);
    expect(span(view)).toEqual([151, 250]);
    room.last = 501;
    view.arrived([line(501)]);
    expect(span(view)).toEqual([151, 250]);
    for (let i = 0; i < 3; i++) await view.newer();
    expect(view.isAtNewest).toBe(true);
    expect(view.timeline.last).toBe(501);
    expect(await view.jumpTo(300)).toBe(true);
    await view.toNewest();
    expect(view.timeline.last).toBe(501);
  });

  it('reads the newest again when what comes live leaves a gap', async () => {
    const room = new FakeRoom(10);
    const view = viewOf(room);
    await view.open();
    view.arrived([line(11)]);
    expect(view.timeline.last).toBe(11);
    room.last = 14;
    view.arrived([line(14)]);
    await expect.poll(() => view.timeline.last).toBe(14);
    expect(view.timeline.order).toHaveLength(14);
  });

  it('reads the newest once more when a gap shows while it reads', async () => {
    const room = new FakeRoom(10);
    const view = viewOf(room);
    const release = room.hold();
    const opening = view.open();
    await expect.poll(() => room.asked).toEqual(['newest']);
    room.last = 13;
    view.arrived([line(13)]);
    release();
    await opening;
    expect(view.timeline.last).toBe(13);
    expect(view.timeline.order).toHaveLength(13);
  });

  it('asks for one thing at a time', async () => {
    const room = new FakeRoom(500);
    const view = viewOf(room);
    await view.open();
    room.asked = [];
    await Promise.all([view.older(), view.older(), view.older()]);
    expect(room.asked).toEqual(['before 441']);
  });

  it('says why it may lack something, and forgets it once a node answers', async () => {
    const room = new FakeRoom(3);
    room.offline = new ParleyError('cannot_connect');
    const view = viewOf(room);
    await view.open();
    expect(view.failure?.code).toBe('cannot_connect');
    room.offline = null;
    await view.toNewest();
    expect(view.failure).toBeNull();
    expect(span(view)).toEqual([1, 3]);
  });

  it('is empty, and no failure, where nobody has written yet', async () => {
    const room = new FakeRoom(0);
    room.failure = new ParleyError('no_such_room');
    const view = viewOf(room);
    await view.open();
    expect(view.failure).toBeNull();
    expect(view.timeline.order).toEqual([]);
  });

  it('leaves a place where something has gone', async () => {
    const view = viewOf(new FakeRoom(3));
    await view.open();
    view.wentAway([2, 77], 'deleted');
    expect(view.timeline.line(2)).toMatchObject({ text: null, gone: 'deleted' });
    expect(view.timeline.line(3)).toMatchObject({ text: 'text 3' });
  });
});
