import { describe, expect, it } from 'vitest';
import { linesOf, type InputLine } from './lines.ts';

async function split(chunks: readonly string[], bytesMax = 8): Promise<InputLine[]> {
  const input = (async function* () {
    for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk));
  })();
  const lines: InputLine[] = [];
  for await (const line of linesOf(input, bytesMax)) lines.push(line);
  return lines;
}

describe('linesOf', () => {
  it('finds lines wherever the input was cut', async () => {
    const lines = [{ text: 'ab' }, { text: '' }, { text: 'cdé' }, { text: 'f' }];
    expect(await split(['ab\n\ncdé\nf'])).toEqual(lines);
    expect(await split(['a', 'b\n', '\nc', 'dé\n', 'f', ''])).toEqual(lines);
    expect(await split(Array.from('ab\n\ncdé\nf\n'))).toEqual(lines);
  });

  it('passes over a line that is too long, and goes on after it', async () => {
    expect(await split(['12345678\n123456789\nok\n'])).toEqual([
      { text: '12345678' },
      { tooLong: true },
      { text: 'ok' },
    ]);
    expect(await split(['1234', '5678', '9', '9\nok'])).toEqual([{ tooLong: true }, { text: 'ok' }]);
    expect(await split(['123456789'])).toEqual([{ tooLong: true }]);
  });

  it('keeps characters whole that were cut', async () => {
    const bytes = Buffer.from('é\n');
    const input = (async function* () {
      yield await Promise.resolve(bytes.subarray(0, 1));
      yield bytes.subarray(1);
    })();
    const lines: InputLine[] = [];
    for await (const line of linesOf(input, 8)) lines.push(line);
    expect(lines).toEqual([{ text: 'é' }]);
  });
});
