import { describe, expect, it } from 'vitest';
import { parseScenario } from './datadriven.ts';

const parse = (...lines: string[]) => parseScenario(lines.join('\n'));

describe('scenario grammar', () => {
  it('reads commands, arguments, input and output', () => {
    const text = [
      '# comment',
      '',
      'act 1 key=value list=(a, b,c) empty=()',
      'some',
      'input',
      '----',
      'out',
      ' put',
      '',
    ];
    expect(parse(...text, 'next', '----', 'ok')).toEqual([
      {
        line: 3,
        command: 'act',
        args: [
          { key: '1', values: [] },
          { key: 'key', values: ['value'] },
          { key: 'list', values: ['a', 'b', 'c'] },
          { key: 'empty', values: [] },
        ],
        input: 'some\ninput',
        expected: 'out\n put\n',
      },
      { line: 10, command: 'next', args: [], input: '', expected: 'ok\n' },
    ]);
  });

  it('continues a command line that ends in a backslash', () => {
    expect(parse('act 1 \\', '  2', '----', 'ok')[0]?.args.map(({ key }) => key)).toEqual(['1', '2']);
  });

  it('takes blank lines as output between doubled separators', () => {
    const [stanza] = parse('act', '----', '----', 'a', '', '----', 'b', '----', '----', '');
    expect(stanza?.expected).toBe('a\n\n----\nb\n');
  });

  it('accepts the line ends of other systems, and a file that ends at once', () => {
    expect(parse('act\r', '----\r', 'ok\r')[0]?.expected).toBe('ok\n');
    expect(parse('act', '----')[0]?.expected).toBe('');
  });

  it('says where a file does not follow it', () => {
    expect(() => parse('act', 'never ends')).toThrow('line 1: no ----');
    expect(() => parse('', 'key=value', '----')).toThrow('line 2: a stanza begins with a command');
    expect(() => parse('act x=(1', '----')).toThrow('line 1: cannot read');
    expect(() => parse('act', '----', '----', 'open')).toThrow('never closed');
    expect(() => parse('act', '----', '----', '----', '----', 'x')).toThrow('blank line');
  });
});
