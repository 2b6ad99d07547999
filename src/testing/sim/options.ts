import { DEFAULT_RAFT_SETTINGS, type RaftSettings } from '../../node/raft/raft-settings.ts';
import type { Prng } from './prng.ts';

/** Bugs that can be planted, to see whether the checkers find them. */
export const MUTANTS = [
  'ack-before-fsync',
  'vote-not-durable',
  'commit-prior-term-by-counting',
  'log-up-to-date-check-missing',
  'duplicate-on-retry',
] as const;
export type Mutant = (typeof MUTANTS)[number];

export interface SimulationOptions {
  readonly seed: number;
  /** Length of the phase with faults, in simulated seconds. */
  readonly seconds: number;
  readonly proposalsPerSecond: number;
  readonly mutant: Mutant | undefined;
  /** Off: lies of a disk are found by their consequences only. */
  readonly checksDurability: boolean;
}

export const DEFAULT_OPTIONS: Omit<SimulationOptions, 'seed'> = {
  seconds: 60,
  proposalsPerSecond: 60,
  mutant: undefined,
  checksDurability: true,
};

/** The character of one simulated world, drawn from its seed. */
export interface WorldTraits {
  readonly nodes: number;
  readonly settings: RaftSettings;
  readonly delayMs: number;
  readonly lossChance: number;
  readonly duplicateChance: number;
  readonly syncMs: number;
  /** Mean time between faults. */
  readonly faultEveryMs: number;
}

export function drawTraits(prng: Prng): WorldTraits {
  const nodes = prng.chance(0.7) ? 3 : 5;
  const tiny = prng.chance(0.5);
  return {
    nodes,
    delayMs: prng.pick([0.2, 0.5, 1, 5]),
    lossChance: prng.pick([0, 0, 0.001, 0.02, 0.1]),
    duplicateChance: prng.pick([0, 0.01, 0.1]),
    syncMs: prng.pick([0.2, 0.5, 2, 10]),
    faultEveryMs: prng.pick([300, 800, 2_000]),
    settings: {
      ...DEFAULT_RAFT_SETTINGS,
      // Small bounds meet their ends often.
      batchItemsMax: tiny ? 2 : 64,
      messageBytesMax: tiny ? 128 : 64 * 1024,
      inflightMessagesMax: tiny ? prng.pick([4, 64]) : prng.pick([1, 64]),
      inflightBytesMax: tiny ? 1_024 : DEFAULT_RAFT_SETTINGS.inflightBytesMax,
      uncommittedBytesMax: tiny ? 4_096 : DEFAULT_RAFT_SETTINGS.uncommittedBytesMax,
      unappliedBytesMax: tiny ? 512 : DEFAULT_RAFT_SETTINGS.unappliedBytesMax,
      applyItemsPerSlice: prng.pick([1, 4, 256]),
      snapshotChunkBytesMax: prng.pick([512, 4_096, 65_536]),
      snapshotIdleMs: 1_500,
      compactCheckMs: prng.pick([50, 200, 1_000]),
      compactEntries: prng.pick([10, 30, 100, 100_000]),
      tailEntries: prng.pick([0, 5, 50]),
    },
  };
}
