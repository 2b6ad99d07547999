import { expect, it } from 'vitest';
import { Turns } from './turns.ts';

/** Work that ends when it is told to. */
function held() {
  const ends: (() => void)[] = [];
  const started: number[] = [];
  return {
    ends,
    started,
    work: (number: number) => async (): Promise<number> => {
      started.push(number);
      await new Promise<void>((resolve) => ends.push(resolve));
      return number;
    },
  };
}
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('lets so many in at a time, the others in the order in which they came', async () => {
  const turns = new Turns(2);
  const { ends, started, work } = held();
  const all = [1, 2, 3, 4].map((number) => turns.take(work(number)));
  await settle();
  expect([started, turns.waitingCount]).toEqual([[1, 2], 2]);
  ends[1]!();
  await settle();
  expect(started).toEqual([1, 2, 3]);
  for (let i = 0; i < 3; i++) {
    ends.forEach((end) => end());
    await settle();
  }
  expect(await Promise.all(all)).toEqual([1, 2, 3, 4]);
  expect(turns.waitingCount).toBe(0);
});

it('passes the turn on when work fails', async () => {
  const turns = new Turns(1);
  const failing = turns.take(() => Promise.reject(new Error('no')));
  const next = turns.take(() => Promise.resolve('yes'));
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('yes');
  expect(await turns.take(() => Promise.resolve('free again'))).toBe('free again');
});
