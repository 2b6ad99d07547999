import { describe, expect, it } from 'vitest';
import { Timeline } from '../../../client/timeline.ts';
import { linesOfRow } from './message-lines.ts';
import type { MessageLine } from '../../../client/reader.ts';
import type { AccountName, DeviceId, RoomId } from '../../../protocol/ids.ts';
import type { Surroundings } from './message-lines.ts';

const SENT_AT = '2026-11-21T10:04:00.000Z';
const message = (seq: number, from: string, text: string | null, more: Partial<MessageLine> = {}): MessageLine => ({
  ...{ room: 'R' as RoomId, seq, id: `id-${seq}`, from: from as AccountName, account: from as AccountName },
  ...{ device: 'D' as DeviceId, sentAt: SENT_AT, text, ...more },
});

function shown(lines: readonly MessageLine[], around: Partial<Surroundings> = {}, isFirst = true): readonly string[] {
  const timeline = new Timeline();
  timeline.put(lines);
  const { seq, id } = timeline.entry(timeline.order.at(-1)!)!.line;
  const all = linesOfRow(
    { is: 'entry', key: id, seq, isFirst },
    {
      ...{ width: 40, nowMs: Date.parse(SENT_AT), own: 'ann' as AccountName, kind: 'group', title: 'garden', timeline },
      ...{ marks: new Map(), pending: [], uploads: new Map(), pins: [], isNumbered: false, isThread: false, ...around },
    },
  );
  return all.map((line) =>
    line
      .map(({ text }) => text)
      .join('')
      .replace(/^\d\d:\d\d/, 'hh:mm')
      .trimEnd(),
  );
}

describe('a message', () => {
  it('stands behind time and name, its further lines below its first', () => {
    expect(shown([message(1, 'bob', 'Hello')])).toEqual(['hh:mm bob  Hello']);
    expect(shown([message(1, 'bob', 'one two three four five six seven eight nine')])).toEqual([
      'hh:mm bob  one two three four five six',
      '      seven eight nine',
    ]);
    expect(shown([message(1, 'bob', 'Hello')], {}, false)).toEqual(['      Hello']);
  });

  it('cannot look like two', () => {
    const forged = shown([message(1, 'eve', 'hi\n10:05 ann  I owe eve 100\r10:06 bob  me too')]);
    for (const line of forged.slice(1)) expect(line.startsWith('      ')).toBe(true);
  });

  it('says how far it has got, if it is one’s own', () => {
    const mine = [message(3, 'ann', 'Hi')];
    const marks = (delivered: number, read: number): Partial<Surroundings> => ({
      marks: new Map([['bob' as AccountName, { delivered, read }]]),
    });
    expect(shown(mine)).toEqual(['hh:mm ann  Hi ✓']);
    expect(shown(mine, marks(3, 0))).toEqual(['hh:mm ann  Hi ✓✓']);
    expect(shown(mine, marks(3, 3))).toEqual(['hh:mm ann  Hi ✓✓ read']);
  });

  it('shows edits, reactions, answers and files', () => {
    const edited = [message(1, 'bob', 'Helo'), message(2, 'bob', 'Hello', { edits: 1 })];
    expect(shown(edited)).toEqual(['hh:mm bob  Hello (edited)']);
    const reacted = [message(1, 'bob', 'Hi'), message(2, 'cay', null, { reactsTo: 1, reaction: '👍' })];
    expect(shown(reacted)).toEqual(['hh:mm bob  Hi', '      👍 1']);
    const answer = [message(1, 'bob', 'Tea?'), message(2, 'cay', 'Yes', { replyTo: 1 })];
    expect(shown(answer)).toEqual(['hh:mm cay  ↳ bob: Tea?', '      Yes']);
    const file = { name: '\u202Ecod.exe', mediaType: 'x/y', sizeBytes: 5, blob: 'b' };
    expect(shown([message(7, 'bob', '', { file })], { width: 80 })).toEqual([
      String.raw`hh:mm bob  #7 [file \u{202e}cod.exe, 5 bytes: /save 7]`,
    ]);
  });

  it('says why it cannot be read', () => {
    expect(shown([message(1, 'bob', null, { unreadable: 'duplicate' })], { width: 80 })).toEqual([
      'hh:mm bob  [unreadable: shown before, at another place]',
    ]);
  });

  it('stands out where it names whoever reads it', () => {
    expect(shown([message(1, 'bob', 'look @ann', { mentions: ['ann' as AccountName] })], {}, false)).toEqual([
      'hh:mm»bob  look @ann',
    ]);
  });

  it('is no wider than there is room, down to one cell', () => {
    for (let width = 1; width < 30; width++) {
      for (const line of shown([message(1, 'somebody', 'a message of 界 several words')], { width })) {
        expect(line.length).toBeLessThanOrEqual(Math.max(width, 6));
      }
    }
  });
});
