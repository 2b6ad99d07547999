import { expect, it } from 'vitest';
import { plainText } from './plain-text.ts';

it('keeps to one line, and to its own reading direction', () => {
  expect(plainText('a\r\nb\u0000c')).toBe('a b c');
  expect(plainText('invoice\u202egnp.exe\u2066x\u2069\u200e')).toBe('invoicegnp.exex');
});

it('keeps emoji whole, and letters that need joiners', () => {
  expect(plainText('👩\u200d💻 می\u200cخواهم')).toBe('👩\u200d💻 می\u200cخواهم');
});
