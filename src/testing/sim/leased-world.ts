import type { RaftSettings } from '../../node/raft/raft-settings.ts';
import type { Fault } from './faults/fault.ts';
import type { Prng } from './prng.ts';
import type { WorldTraits } from './world-traits.ts';

interface Circumstances {
  readonly traits: WorldTraits;
  readonly faults: readonly Fault[];
}

export type ReadsKind = RaftSettings['reads'];

/** Any two clocks differ by less than the tenth that leases allow for. */
const CLOCK_SKEW_MAX = 0.045;
const READS_PER_SECOND = 40;

/** The same world with reads from leases: clocks that are as good as these need them, and many reads. */
export function withLeases<W extends Circumstances>(world: W, prng: Prng): W {
  const { traits, faults } = world;
  return {
    ...world,
    traits: {
      ...traits,
      clockRates: traits.clockRates.map(() => 1 + prng.between(-CLOCK_SKEW_MAX, CLOCK_SKEW_MAX)),
      readsPerSecond: READS_PER_SECOND,
      settings: { ...traits.settings, reads: 'lease' },
    },
    faults: faults.filter(({ kind }) => kind !== 'drift'),
  };
}
