import type { LogIndex } from '../../consensus/types.ts';
import type { IntactStore, StoreDamage } from '../store/node-store.ts';

/**
 * Whether a node is still being repaired by its peers. It is whole once its log holds all that it ever promised, and
 * its state all that it ever showed: before, what clients read here would be older than what they have seen.
 */
export class RepairWatch {
  readonly #store: Pick<IntactStore, 'repair' | 'state'>;
  readonly #shownIndex: LogIndex;
  #isOver: boolean;

  constructor(store: Pick<IntactStore, 'repair' | 'state' | 'log'>) {
    this.#store = store;
    this.#isOver = store.repair === undefined;
    // A state that was lost alone was as far as the log is committed.
    this.#shownIndex = store.log.repair?.commit ?? store.log.initialState().hardState.commit;
  }

  /**
   * What has to be repaired; undefined once it is, for good.
   * @param lacksEntries whether the log is still short of what was promised
   */
  reason(lacksEntries: () => boolean): StoreDamage | undefined {
    if (this.#isOver) return undefined;
    if (this.#store.state.appliedIndex < this.#shownIndex || lacksEntries()) return this.#store.repair;
    this.#isOver = true;
    return undefined;
  }
}
