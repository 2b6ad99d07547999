import { describe, expect, it } from 'vitest';
import { printable } from '../printable.ts';
import { messageText } from './show.ts';
import type { MessageLine } from '../../client/reader.ts';

const line = (more: Partial<MessageLine>): MessageLine =>
  ({ from: 'ann', sentAt: '2026-11-21T10:04:05.000Z', text: 'hello', ...more }) as MessageLine;

describe('a message for people', () => {
  it('says when, who and what', () => {
    expect(messageText(line({}))).toMatch(/^2026-11-2\d \d\d:04 ann: hello$/);
    expect(messageText(line({}), { roomName: 'garden' })).toMatch(/\d garden ann: hello$/);
  });

  it('keeps further lines below the first', () => {
    const [first, second] = messageText(line({ text: 'one\ntwo' })).split('\n');
    expect(second).toBe(`${' '.repeat(first!.indexOf('one'))}two`);
  });

  it('says why there is nothing to read', () => {
    const unreadable = (reason: MessageLine['unreadable']): string =>
      messageText(line({ text: null, ...(reason === undefined ? {} : { unreadable: reason }) }));
    expect(unreadable('before_device')).toContain('[unreadable: sent before this device was enrolled]');
    expect(unreadable('bad_signature')).toContain('[unreadable: bad_signature]');
  });

  it('says when the order is not that of the sender', () => {
    expect(messageText(line({ outOfOrder: true }))).toMatch(/ ann: \[out of order\] hello$/);
  });

  it('cannot steer a terminal, whoever wrote it', () => {
    const evil = '\u001B[2J\r\u0007\u009B31m\u202Eevil\u2066\u0000\u007F';
    for (const shown of [
      messageText(line({ text: evil })),
      messageText(line({}), { roomName: evil }),
      printable(evil),
    ]) {
      // oxlint-disable-next-line no-control-regex -- They are what this is about.
      expect(shown).not.toMatch(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/);
      expect(shown).toContain('\\u{1b}[2J\\u{d}');
    }
    expect(messageText(line({ text: 'a\rb' }))).toContain('a\\u{d}b');
    expect(printable('tab\tstays, 😀 too')).toBe('tab\tstays, 😀 too');
    expect(printable('one\ntwo')).toBe('one\\u{a}two');
  });
});
