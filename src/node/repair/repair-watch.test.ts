import { describe, expect, it } from 'vitest';
import type { LogIndex, Term } from '../../consensus/types.ts';
import type { IntactStore, StoreDamage } from '../store/node-store.ts';
import { RepairWatch } from './repair-watch.ts';

const DAMAGE: StoreDamage = { part: 'log', where: 'log', reason: 'it ends at entry 2' };

/** A store that had shown what is committed up to 6, and has applied some of it again. */
function watchOf(repair: StoreDamage | undefined): { watch: RepairWatch; applied: (index: number) => void } {
  const state = { appliedIndex: 0 as LogIndex };
  const goal = { entry: { index: 8 as LogIndex, term: 4 as Term }, commit: 6 as LogIndex };
  const initialState = () => ({ hardState: { term: 4, vote: 0, commit: 6 } });
  const log = { repair: repair && goal, initialState } as unknown as IntactStore['log'];
  const watch = new RepairWatch({ repair, log, state: state as IntactStore['state'] });
  return { watch, applied: (index) => (state.appliedIndex = index as LogIndex) };
}

describe('a node under repair', () => {
  it.each<[applied: number, lacksEntries: boolean, whole: boolean]>([
    [5, true, false],
    [5, false, false],
    [6, true, false],
    [6, false, true],
  ])('that has applied up to %i of 6, and lacks entries: %s, is whole: %s', (index, lacksEntries, whole) => {
    const { watch, applied } = watchOf(DAMAGE);
    applied(index);
    expect(watch.reason(() => lacksEntries)).toBe(whole ? undefined : DAMAGE);
  });

  it('is whole for good, whatever is said later', () => {
    const { watch, applied } = watchOf(DAMAGE);
    applied(6);
    expect(watch.reason(() => false)).toBeUndefined();
    expect(watch.reason(() => true)).toBeUndefined();
  });

  it('is none when nothing was lost', () => {
    expect(watchOf(undefined).watch.reason(() => true)).toBeUndefined();
  });
});
