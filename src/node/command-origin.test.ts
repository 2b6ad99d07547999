import { expect, it } from 'vitest';
import { commandOrigin } from './command-origin.ts';
import { peerId } from '../consensus/types.ts';

it('differs between nodes that start at the same time, and between starts of one node', () => {
  const origins = [1, 2, 3].flatMap((peer) =>
    [1_795_216_265, 1_795_216_266].map((boot) => commandOrigin(boot, peerId(peer))),
  );
  expect(new Set(origins).size).toBe(origins.length);
});

it('refuses what would make it ambiguous', () => {
  expect(() => commandOrigin(1, peerId(4096))).toThrow('peer id 4096 is out of range');
  expect(() => commandOrigin(Number.MAX_SAFE_INTEGER, peerId(1))).toThrow('boot id 9007199254740991 is out of range');
});
