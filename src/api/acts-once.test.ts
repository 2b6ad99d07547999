import { describe, expect, it } from 'vitest';
import { ParleyError } from '../protocol/errors.ts';
import { ActsOnce } from './acts-once.ts';

describe('what is done once for a key', () => {
  it('is done once, and answered the same, also meanwhile and for something that is done each time without a key', async () => {
    const acts = new ActsOnce();
    let done = 0;
    const act = async (): Promise<number> => {
      await Promise.resolve();
      return (done += 1);
    };
    const both = Promise.all([acts.once('a', 'x', act), acts.once('a', 'x', act)]);
    expect(await both).toEqual([1, 1]);
    expect(await acts.once('a', 'x', act)).toBe(1);
    expect([await acts.once(undefined, 'x', act), await acts.once(undefined, 'x', act)]).toEqual([2, 3]);
    await expect(acts.once('a', 'y', act)).rejects.toMatchObject({ code: 'txn_reused' });
    expect(done).toBe(3);
  });

  it('may be tried again when it failed, and is forgotten when enough came after it', async () => {
    const acts = new ActsOnce(2);
    const fail = (): Promise<string> => Promise.reject(new ParleyError('behind'));
    await expect(acts.once('a', 'x', fail)).rejects.toMatchObject({ code: 'behind' });
    expect(await acts.once('a', 'x', () => Promise.resolve('first'))).toBe('first');
    for (const key of ['b', 'c']) await acts.once(key, 'x', () => Promise.resolve(key));
    expect(await acts.once('a', 'x', () => Promise.resolve('second'))).toBe('second');
  });
});
