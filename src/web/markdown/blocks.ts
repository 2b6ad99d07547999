import { parseInline } from './inline.ts';
import type { Block, Inline } from './syntax.ts';

/** Quotes within quotes; deeper ones are text. */
const DEPTH_MAX = 4;

const FENCE = /^ {0,3}```/;
const QUOTE = /^ {0,3}> ?/;
const BULLET = /^ {0,3}[-*+] +(?=\S)/;
const NUMBER = /^ {0,3}(\d{1,9})[.)] +(?=\S)/;
const HEADING = /^#{1,6} +(?=\S)/;

/** A message's text as it is to be seen. Never throws; any text is some message. */
export function parseMarkdown(text: string, depth = 0): readonly Block[] {
  const lines = text.replaceAll(/\r\n?/g, '\n').split('\n');
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  const flush = (): void => {
    if (paragraph.length > 0) blocks.push({ is: 'paragraph', of: parseInline(paragraph.join('\n')) });
    paragraph = [];
  };
  for (let at = 0; at < lines.length;) {
    const found = blockAt(lines, at, depth);
    if (found === null) {
      if (lines[at]!.trim() === '') flush();
      else paragraph.push(lines[at]!);
      at += 1;
    } else {
      flush();
      blocks.push(found.block);
      at = found.end;
    }
  }
  flush();
  return blocks;
}

function blockAt(lines: readonly string[], at: number, depth: number): { block: Block; end: number } | null {
  const line = lines[at]!;
  if (FENCE.test(line)) return fenced(lines, at);
  if (QUOTE.test(line) && depth < DEPTH_MAX) return quoted(lines, at, depth);
  if (BULLET.test(line) || NUMBER.test(line)) return listed(lines, at);
  if (HEADING.test(line)) {
    return { block: { is: 'heading', of: parseInline(line.replace(HEADING, '')) }, end: at + 1 };
  }
  return null;
}

/** A fence that is not closed goes to the end: that is what somebody sees who is still writing. */
function fenced(lines: readonly string[], at: number): { block: Block; end: number } {
  const end = lines.findIndex((line, place) => place > at && /^ {0,3}```\s*$/.test(line));
  const last = end === -1 ? lines.length : end;
  return { block: { is: 'code', text: lines.slice(at + 1, last).join('\n') }, end: last + 1 };
}

function quoted(lines: readonly string[], at: number, depth: number): { block: Block; end: number } {
  const end = endOf(lines, at, (line) => QUOTE.test(line));
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ''));
  return { block: { is: 'quote', of: parseMarkdown(inner.join('\n'), depth + 1) }, end };
}

/** What is indented below an item belongs to it. */
function listed(lines: readonly string[], at: number): { block: Block; end: number } {
  const isOrdered = NUMBER.test(lines[at]!);
  const mark = isOrdered ? NUMBER : BULLET;
  const end = endOf(lines, at, (line) => mark.test(line) || /^ {2,}\S/.test(line));
  const items: string[] = [];
  for (const line of lines.slice(at, end)) {
    if (mark.test(line)) items.push(line.replace(mark, ''));
    else items.push(`${items.pop() ?? ''}\n${line.trim()}`);
  }
  const parsed: readonly (readonly Inline[])[] = items.map((item) => parseInline(item));
  const start = isOrdered ? Number(NUMBER.exec(lines[at]!)![1]) : 1;
  return { block: { is: 'list', isOrdered, start, items: parsed }, end };
}

function endOf(lines: readonly string[], at: number, belongs: (line: string) => boolean): number {
  const end = lines.findIndex((line, place) => place > at && !belongs(line));
  return end === -1 ? lines.length : end;
}
