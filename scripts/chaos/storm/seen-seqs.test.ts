import { expect, it } from 'vitest';
import { SeenSeqs } from './seen-seqs.ts';

function watching() {
  const troubles: string[] = [];
  return { troubles, seen: new SeenSeqs((kind, what) => troubles.push(`${kind} ${what}`)) };
}

it('takes each room as it comes, whatever the others do', () => {
  const { troubles, seen } = watching();
  for (const [room, seq] of [
    ['a', 7],
    ['b', 1],
    ['a', 8],
    ['b', 2],
  ] as const)
    seen.take(room, seq);
  expect(troubles).toEqual([]);
  expect([seen.lastOf('a'), seen.lastOf('b'), seen.lastOf('c')]).toEqual([8, 2, 0]);
});

it('sees what is left out, and what comes twice', () => {
  const { troubles, seen } = watching();
  for (const seq of [1, 2, 4, 4, 3, 5]) seen.take('a', seq);
  expect(troubles).toEqual(['gap a: 4 came after 2', 'dup a: 4 came again after 4', 'dup a: 3 came again after 4']);
});
