import { emitKeypressEvents } from 'node:readline';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Keyboard } from './keyboard.ts';
import type { KeyPress } from './keyboard.ts';
import type { Key } from 'node:readline';

/** What comes out of bytes as a terminal sends them, through Node's own decoder. */
function pressed(...chunks: readonly string[]): readonly KeyPress[] {
  const keys: KeyPress[] = [];
  const keyboard = new Keyboard((key) => keys.push(key));
  const input = new PassThrough();
  emitKeypressEvents(input);
  input.on('keypress', (text: string | undefined, key: Key) => keyboard.keypress(text, key));
  for (const chunk of chunks) input.emit('data', Buffer.from(chunk));
  return keys;
}
const key = (name: string): KeyPress => ({ is: 'key', name });

describe('the keyboard', () => {
  it.each<[string, string]>([
    ['\r', 'enter'],
    ['\n', 'ctrl+j'],
    ['\u001B\r', 'alt+enter'],
    ['\u001B[13;2u', 'shift+enter'],
    ['\t', 'tab'],
    ['\u001B[Z', 'shift+tab'],
    ['\u007F', 'backspace'],
    ['\u0003', 'ctrl+c'],
    ['\u000B', 'ctrl+k'],
    ['\u001B[A', 'up'],
    ['\u001BOA', 'up'],
    ['\u001B[1;3A', 'alt+up'],
    ['\u001B[5~', 'page-up'],
    ['\u001B[6~', 'page-down'],
    ['\u001B[H', 'home'],
    ['\u001B[3~', 'delete'],
    ['\u001BOP', 'f1'],
    ['\u001B[11~', 'f1'],
    ['\u001Bb', 'alt+b'],
    ['\u0017', 'ctrl+w'],
  ])('%j is %s', (bytes, name) => expect(pressed(bytes)).toEqual([key(name)]));

  it('takes letters as they are, in capitals, with accents, and as emoji', () => {
    const texts = pressed('aÄ界👍 ?').map((one) => (one.is === 'key' ? one.name : one.text));
    expect(texts).toEqual(['a', 'Ä', '界', '👍', ' ', '?']);
  });

  it('puts together a letter that comes in two pieces', () => {
    const keys: KeyPress[] = [];
    const keyboard = new Keyboard((one) => keys.push(one));
    const input = new PassThrough();
    emitKeypressEvents(input);
    input.on('keypress', (text: string | undefined, one: Key) => keyboard.keypress(text, one));
    const bytes = Buffer.from('界');
    input.emit('data', bytes.subarray(0, 1));
    input.emit('data', bytes.subarray(1));
    expect(keys).toEqual([{ is: 'text', text: '界' }]);
  });

  it('takes what is pasted as one text, whatever is in it', () => {
    const keys = pressed('\u001B[200~one\r\ntwo\u0003 \u001B[A', 'three\u001B[201~', '\r');
    expect(keys).toEqual([{ is: 'paste', text: 'one\ntwo\u0003 \u001B[Athree' }, key('enter')]);
  });

  it('passes over sequences that it does not know', () => {
    expect(pressed('\u001B[57~')).toEqual([]);
  });
});
