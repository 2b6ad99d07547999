import { afterEach, beforeEach, expect, it } from 'vitest';
import { SingleStore } from '../../testing/store/single-stores.ts';
import type { LevelStateStore } from './level-state-store.ts';
import { recomputeHash } from './recompute-hash.ts';
import type { LogIndex, Term } from '../../consensus/types.ts';
import type { StampMs } from '../../protocol/ids.ts';
import type { StateSnapshot } from '../ports.ts';

let single: SingleStore<LevelStateStore>;
beforeEach(async () => {
  single = await SingleStore.state();
});
afterEach(() => single.remove());

function filled(): LevelStateStore {
  const state = single.store;
  for (let index = 1; index <= 40; index += 1) {
    const transaction = state.begin();
    transaction.put(`row/${index}`, new Uint8Array(20_000).fill(index));
    transaction.put('row/again', Uint8Array.of(index));
    transaction.commit({ index: index as LogIndex, term: 1 as Term, stampMs: 1 as StampMs });
  }
  return state;
}

it('comes to the hash that was kept up', async () => {
  const found = await recomputeHash(filled());
  expect(found).toMatchObject({ index: 40, rows: 41 });
  expect(found.recomputed).toBe(found.hash);
});

it('shows rows that are not what they were', async () => {
  const state = filled();
  const openSnapshot = state.openSnapshot.bind(state);
  state.openSnapshot = (): StateSnapshot => {
    const snapshot = openSnapshot();
    return {
      header: snapshot.header,
      close: () => snapshot.close(),
      nextChunk: async (room) => {
        const chunk = await snapshot.nextChunk(room);
        if (chunk !== undefined) chunk[chunk.length - 1]! ^= 1;
        return chunk;
      },
    };
  };
  const found = await recomputeHash(state);
  expect(found.recomputed).not.toBe(found.hash);
});
