import { describe, expect, it } from 'vitest';
import { parseDirective } from './directive.ts';

const parse = (text: string): unknown[] => {
  const { command, args } = parseDirective(text, 7);
  return [command, ...args.map(({ key, values }) => [key, ...values])];
};

describe('a command line', () => {
  it('has words, values and lists', () => {
    expect(parse('act 1 key=value list=(a, b,c) empty=() none=')).toEqual([
      'act',
      ['1'],
      ['key', 'value'],
      ['list', 'a', 'b', 'c'],
      ['empty'],
      ['none', ''],
    ]);
  });

  it('may have anything but blanks in words, and further parentheses in lists', () => {
    expect(parse('propose 1 f(x)')).toEqual(['propose', ['1'], ['f(x)']]);
    expect(parse('act of=(a (b, c), d)more')).toEqual(['act', ['of', 'a (b, c)', 'd'], ['more']]);
    expect(parse('act voters=(1,2)index=3')).toEqual(['act', ['voters', '1', '2'], ['index', '3']]);
  });

  it('is refused when it has no command, no key, or a list that never ends', () => {
    expect(() => parse('key=value')).toThrow('line 7: a stanza begins with a command');
    expect(() => parse('act =value')).toThrow('line 7: cannot read "=value"');
    expect(() => parse('act list=(1, (2)')).toThrow('line 7: cannot read "list=(1, (2)"');
  });
});
