import { expect, it } from 'vitest';
import { Downloads } from './downloads.ts';
import type { AccountId } from '../protocol/ids.ts';

it('counts files that are being read, of one account and of all', () => {
  const downloads = new Downloads({ downloadsMax: 3, downloadsPerAccountMax: 2 });
  const begin = (account: string): (() => void) => downloads.begin(account as AccountId);
  const [first] = [begin('a'), begin('a')];
  expect(() => begin('a')).toThrow(expect.objectContaining({ code: 'rate_limited' }));
  const third = begin('b');
  expect(() => begin('c')).toThrow(expect.objectContaining({ code: 'overloaded' }));
  first();
  first();
  begin('c');
  expect(() => begin('c')).toThrow(expect.objectContaining({ code: 'overloaded' }));
  third();
  begin('a');
  expect(() => begin('a')).toThrow(expect.objectContaining({ code: 'rate_limited' }));
});
