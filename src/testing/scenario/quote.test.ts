import { expect, it } from 'vitest';
import { quote } from './quote.ts';

it('quotes like %q', () => {
  const quoted = (text: string): string => quote(new TextEncoder().encode(text));
  expect(quoted('')).toBe('""');
  expect(quoted('a "b" \\ c')).toBe(String.raw`"a \"b\" \\ c"`);
  expect(quoted('\n\t\r\0\u007f')).toBe(String.raw`"\n\t\r\x00\x7f"`);
  expect(quoted('grüße 😀')).toBe('"grüße 😀"');
  expect(quoted('\u200b')).toBe(String.raw`"\u200b"`);
  expect(quote(Uint8Array.of(0x61, 0xff))).toBe(String.raw`"a\xff"`);
});
