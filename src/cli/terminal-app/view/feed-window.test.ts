import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { span } from '../screen/line.ts';
import { scrolled, showing, windowOf } from './feed-window.ts';
import type { Row } from '../../../client/conversation-rows.ts';
import type { Anchor, FeedRows } from './feed-window.ts';

/** Rows of so many lines each, as `a1 a2 b1 …`. */
function feedOf(heights: readonly number[]): FeedRows {
  const names = heights.map((_, i) => String.fromCodePoint(97 + i));
  const rows = names.map((key, i): Row => ({ is: 'entry', key, seq: i + 1, isFirst: true }));
  const linesOf = ({ key }: Row): ReturnType<FeedRows['linesOf']> =>
    Array.from({ length: heights[names.indexOf(key)]! }, (_, i) => [span(`${key}${i + 1}`)]);
  return { rows, linesOf };
}
const seen = (feed: FeedRows, height: number, anchor: Anchor | null): string =>
  windowOf(feed, height, anchor)
    .lines.map(({ line }) => line[0]!.text)
    .join(' ');

describe('what is seen of a conversation', () => {
  const feed = feedOf([1, 3, 2, 1]);

  it('is the newest, unless somebody has scrolled', () => {
    expect(seen(feed, 4, null)).toBe('b3 c1 c2 d1');
    const up = scrolled(feed, 4, null, -2);
    expect(seen(feed, 4, up)).toBe('b1 b2 b3 c1');
    expect(windowOf(feed, 4, up).isAtEnd).toBe(false);
    expect(scrolled(feed, 4, up, 2)).toBeNull();
  });

  it('stays where it is while messages come', () => {
    const up = scrolled(feed, 3, null, -3);
    const longer = feedOf([1, 3, 2, 1, 5, 5]);
    expect(seen(longer, 3, up)).toBe(seen(feed, 3, up));
    expect(seen(longer, 3, null)).toBe('f3 f4 f5');
  });

  it('ends at the first line, with a window that is full', () => {
    const top = scrolled(feed, 4, null, -100);
    expect(seen(feed, 4, top)).toBe('a1 b1 b2 b3');
    expect(windowOf(feed, 4, top).isAtBegin).toBe(true);
  });

  it('is less than a window where there is less', () => {
    expect(seen(feedOf([1, 1]), 9, null)).toBe('a1 b1');
    expect(windowOf(feedOf([]), 9, null)).toEqual({ lines: [], isAtEnd: true, isAtBegin: true });
  });

  it('moves just as far as a row needs to be seen', () => {
    expect(seen(feed, 4, showing(feed, 4, null, 'b'))).toBe('b1 b2 b3 c1');
    expect(showing(feed, 4, null, 'd')).toBeNull();
    const top = scrolled(feed, 4, null, -100);
    expect(seen(feed, 4, showing(feed, 4, top, 'c'))).toBe('b2 b3 c1 c2');
    expect(seen(feed, 2, showing(feed, 2, null, 'b'))).toBe('b1 b2');
  });

  it('is full and in order, wherever somebody goes', () => {
    const heights = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 12 });
    const steps = fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 10 });
    fc.assert(
      fc.property(heights, fc.integer({ min: 1, max: 10 }), steps, (rows, height, moves) => {
        const all = feedOf(rows);
        const whole = seen(all, 1_000, null);
        let anchor: Anchor | null = null;
        for (const by of moves) {
          anchor = scrolled(all, height, anchor, by);
          const total = rows.reduce((sum, count) => sum + count);
          expect(windowOf(all, height, anchor).lines).toHaveLength(Math.min(height, total));
          expect(whole).toContain(seen(all, height, anchor));
        }
      }),
    );
  });
});
