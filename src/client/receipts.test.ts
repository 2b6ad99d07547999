import { describe, expect, it } from 'vitest';
import { reachOf } from './receipts.ts';
import type { AccountName } from '../protocol/ids.ts';
import type { Mark } from './receipts.ts';

const marks = (of: Record<string, Mark>): ReadonlyMap<AccountName, Mark> =>
  new Map(Object.entries(of) as [AccountName, Mark][]);
const own = 'ann' as AccountName;

describe('how far a message has got', () => {
  it('is as far as all of the others have', () => {
    const of = marks({ bob: { delivered: 7, read: 5 }, cay: { delivered: 6, read: 2 } });
    expect(reachOf(2, of, own)).toBe('read');
    expect(reachOf(3, of, own)).toBe('delivered');
    expect(reachOf(6, of, own)).toBe('delivered');
    expect(reachOf(7, of, own)).toBe('sent');
  });

  it('does not count oneself, and is nowhere where nobody else is', () => {
    expect(reachOf(1, marks({ ann: { delivered: 9, read: 9 } }), own)).toBe('sent');
    expect(reachOf(1, new Map(), own)).toBe('sent');
    expect(reachOf(1, marks({ ann: { delivered: 0, read: 0 }, bob: { delivered: 1, read: 1 } }), own)).toBe('read');
  });

  it('takes what was read as delivered', () => {
    const of = marks({ bob: { delivered: 0, read: 3 }, cay: { delivered: 3, read: 0 } });
    expect(reachOf(3, of, own)).toBe('delivered');
  });
});
