import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMarkdown } from './blocks.ts';
import { parseInline } from './inline.ts';
import { safeHref } from './links.ts';
import { withoutMarks } from './plain.ts';
import type { Block, Inline } from './syntax.ts';

const shapes = (nodes: readonly Inline[]): string =>
  nodes
    .map((node) => {
      if (node.is === 'text') return node.text;
      if (node.is === 'break') return '⏎';
      if (node.is === 'code') return `‹${node.text}›`;
      if (node.is === 'mention') return `{@${node.name}}`;
      return `{${node.is}${node.is === 'link' ? ` ${node.href}` : ''}: ${shapes(node.of)}}`;
    })
    .join('');

describe('a text without its marks', () => {
  it.each([
    ['The **crème** is _in_ the `fridge`', 'The crème is in the fridge'],
    ['A list:\n- one\n- **two**', 'A list: one · two'],
    ['> quoted\n\nand @bob', 'quoted and @bob'],
    ['[here](https://example.com) 2 * 3', 'here 2 * 3'],
    ['```\ncode **as it is**\n```', 'code **as it is**'],
  ])('reads %j as %j', (text, plain) => {
    expect(withoutMarks(text)).toBe(plain);
  });
});

describe('Markdown in a line', () => {
  it.each([
    ['a **b** c', 'a {strong: b} c'],
    ['*a* _b_ ~~c~~', '{emphasis: a} {emphasis: b} {strike: c}'],
    ['**a *b* c**', '{strong: a {emphasis: b} c}'],
    ['snake_case_name and 2*3*4', 'snake_case_name and 2{emphasis: 3}4'],
    ['a ** b ** c', 'a ** b ** c'],
    ['`**a**`', '‹**a**›'],
    ['\\*a\\*', '*a*'],
    ['hi @ann.b, you', 'hi {@ann.b}, you'],
    ['mail a@b.org', 'mail a@b.org'],
    ['see https://x.org/a_(b).', 'see {link https://x.org/a_(b): https://x.org/a_(b)}.'],
    ['(https://x.org)', '({link https://x.org/: https://x.org})'],
    ['[a](https://x.org)', '{link https://x.org/: a}'],
    ['[a](javascript:alert(1))', '[a](javascript:alert(1))'],
    ['[a](data:text/html,x)', '[a](data:text/html,x)'],
    ['<b>a</b>', '<b>a</b>'],
    ['a\nb', 'a⏎b'],
  ])('reads %s', (text, shape) => {
    expect(shapes(parseInline(text))).toBe(shape);
  });
});

describe('Markdown in blocks', () => {
  const kinds = (blocks: readonly Block[]): string[] => blocks.map(({ is }) => is);

  it('tells paragraphs, lists, quotes, code and headings apart', () => {
    const text = '# head\n\na\nb\n\n- x\n- y\n\n3. one\n\n> said\n> more\n\n```js\n**no**\n```';
    expect(kinds(parseMarkdown(text))).toEqual(['heading', 'paragraph', 'list', 'list', 'quote', 'code']);
    expect(parseMarkdown('3. one')[0]).toMatchObject({ is: 'list', isOrdered: true, start: 3 });
    expect(parseMarkdown('```\n**no**\n```')).toEqual([{ is: 'code', text: '**no**' }]);
  });

  it('takes any text, loses none of its words, and ends', () => {
    const piece = fc.constantFrom(
      '**',
      '*',
      '_',
      '`',
      '```',
      '> ',
      '- ',
      '1. ',
      '[',
      '](',
      ')',
      '\n',
      'word',
      ' ',
      '@ann',
      'https://x',
    );
    // What stands behind the opening of a fence names a language, and is not shown.
    const texts = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join('').replaceAll(/`{3,}/g, '`'));
    const countOf = (text: string): number => text.match(/word/g)?.length ?? 0;
    const property = fc.property(texts, (text) => countOf(JSON.stringify(parseMarkdown(text))) >= countOf(text));
    expect(() => fc.assert(property)).not.toThrow();
  });

  it('is quick with what could take long', () => {
    for (const text of ['*'.repeat(24_000), '['.repeat(24_000), '> '.repeat(12_000), '_a'.repeat(12_000)]) {
      expect(parseMarkdown(text).length).toBeGreaterThan(0);
    }
  });
});

it.each([
  ['https://a.org/x', 'https://a.org/x'],
  ['mailto:a@b.org', 'mailto:a@b.org'],
  ['javascript:alert(1)', null],
  ['JaVaScRiPt:alert(1)', null],
  ['\u0001javascript:alert(1)', null],
  ['blob:https://a.org/1', null],
  ['file:///etc/passwd', null],
  ['nothing', null],
])('leads to %s as %s', (text, href) => {
  expect(safeHref(text)).toBe(href);
});
