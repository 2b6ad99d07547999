import { describe, expect, it } from 'vitest';
import { goneLine } from './archive.ts';
import { Timeline } from './timeline.ts';
import type { AccountName, DeviceId, RoomId } from '../protocol/ids.ts';
import type { MessageLine } from './reader.ts';

const line = (seq: number, more: Partial<MessageLine> = {}): MessageLine => ({
  room: 'R' as RoomId,
  seq,
  id: `id-${seq}`,
  from: 'ann' as AccountName,
  account: 'ann' as AccountName,
  device: 'D' as DeviceId,
  sentAt: '2026-01-01T00:00:00.000Z',
  text: `text ${seq}`,
  ...more,
});
const by = (name: string): Pick<MessageLine, 'from' | 'account'> => ({
  from: name as AccountName,
  account: name as AccountName,
});

describe('a timeline', () => {
  it('grows at both ends and refuses gaps', () => {
    const timeline = new Timeline();
    expect(timeline.put([line(5), line(6)])).toBe(true);
    expect(timeline.put([line(7)])).toBe(true);
    expect(timeline.put([line(3), line(4)])).toBe(true);
    expect(timeline.put([line(9)])).toBe(false);
    expect(timeline.put([line(1)])).toBe(false);
    expect([timeline.first, timeline.last, timeline.order]).toEqual([3, 7, [3, 4, 5, 6, 7]]);
  });

  it('takes what it knows again without showing it twice', () => {
    const timeline = new Timeline();
    timeline.put([line(1), line(2)]);
    timeline.put([line(1), line(2), line(3)]);
    expect(timeline.order).toEqual([1, 2, 3]);
  });

  it('shows the last edit of the author, and nobody else’s', () => {
    const timeline = new Timeline();
    timeline.put([line(1), line(2, { edits: 1, text: 'better' }), line(3, { ...by('eve'), edits: 1, text: 'forged' })]);
    expect(timeline.entry(1)).toMatchObject({ text: 'better', isEdited: true });
    expect(timeline.order).toEqual([1]);
  });

  it('counts everybody once per reaction, and forgets one that is gone', () => {
    const timeline = new Timeline();
    const reaction = line(2, { ...by('bob'), text: null, reactsTo: 1, reaction: '👍' });
    timeline.put([line(1), reaction, { ...reaction, seq: 3 }]);
    expect(timeline.entry(1)!.reactions).toEqual([{ reaction: '👍', by: ['bob'] }]);
    timeline.put([goneLine(reaction, 'deleted'), goneLine({ ...reaction, seq: 3 }, 'deleted')]);
    expect(timeline.entry(1)!.reactions).toEqual([]);
    expect(timeline.order).toEqual([1]);
  });

  it('keeps the place of what is gone, without its text', () => {
    const timeline = new Timeline();
    timeline.put([line(1), line(2, { edits: 1, text: 'secret' })]);
    timeline.put([goneLine(line(1), 'deleted')]);
    expect(timeline.entry(1)).toMatchObject({ text: null, isEdited: false });
    expect(timeline.order).toEqual([1]);
  });

  it('gathers threads', () => {
    const timeline = new Timeline();
    timeline.put([line(1), line(2), line(3, { thread: 1 }), line(4, { thread: 1 })]);
    expect(timeline.thread(1)).toEqual([1, 3, 4]);
    expect(timeline.entry(1)!.replies).toBe(2);
    expect(timeline.order).toEqual([1, 2, 3, 4]);
  });
});
