import { expect, it } from 'vitest';
import { StateHashes } from './state-hashes.ts';

it('keeps the hashes of the indices that all nodes pick, the latest ones, and the present one', () => {
  let index = 0;
  const hashes = new StateHashes(() => ({ index, hash: `h${index}` }));
  for (index = 1; index <= 10_000; index += 1) hashes.applied(index);
  index = 10_001;
  const list = hashes.list();
  expect(list.at(-1)).toEqual({ index: 10_001, hash: 'h10001' });
  expect(list.slice(0, -1).every((one) => one.index % 32 === 0 && one.hash === `h${one.index}`)).toBe(true);
  expect(list).toHaveLength(65);
  index = 9_984;
  expect(hashes.list().map((one) => one.index)).toEqual(list.slice(0, -1).map((one) => one.index));
});
