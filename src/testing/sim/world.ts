import { withLeases } from './leased-world.ts';
import { drawFaults } from './faults/draw-faults.ts';
import type { Fault } from './faults/fault.ts';
import { Prng } from './prng.ts';
import type { ReadsKind } from './leased-world.ts';
import { drawTraits, FOCUSES, type Focus, type MachineKind, type WorldTraits } from './world-traits.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Length of the phase with faults, in simulated seconds. */
  readonly seconds: number;
  readonly machine?: MachineKind | undefined;
  readonly focus?: Focus | undefined;
  /** How linearizable reads are confirmed; either, when not said. */
  readonly reads?: ReadsKind | undefined;
  /** Off: lies of a disk are found by their consequences only. */
  readonly checksDurability: boolean;
}

export const DEFAULT_OPTIONS: Omit<SimulationOptions, 'seed'> = { seconds: 60, checksDurability: true };

/**
 * Everything that a simulation does follows from this: the seed feeds the chances of links, disks and clients, the rest
 * is said in full, so that it can be written down, cut smaller and run again.
 */
export interface World {
  readonly seed: number;
  readonly seconds: number;
  readonly checksDurability: boolean;
  readonly traits: WorldTraits;
  readonly faults: readonly Fault[];
}

/** Streams of chance: what one part draws must not depend on another part. */
export const STREAM = { traits: 1, faults: 2, load: 3, reads: 4, nodes: 100, disks: 200, states: 300 } as const;

const CHAT_CHANCE = 0.2;
const FOCUS_CHANCE = 0.5;
const LEASE_CHANCE = 0.15;

export function drawWorld(options: SimulationOptions): World {
  const { seed, seconds, machine, focus, reads, checksDurability } = options;
  const prng = new Prng(seed, STREAM.traits);
  const drawnMachine = prng.chance(CHAT_CHANCE) ? 'chat' : 'list';
  const drawnFocus = prng.chance(FOCUS_CHANCE) ? prng.pick(FOCUSES) : 'anything';
  const traits = drawTraits(prng, machine ?? drawnMachine, focus ?? drawnFocus);
  const faults = drawFaults(new Prng(seed, STREAM.faults), { ...traits, endMs: seconds * 1_000 });
  const world = { seed, seconds, checksDurability, traits, faults };
  const chance = new Prng(seed, STREAM.reads);
  const readsFromLeases = chance.chance(LEASE_CHANCE);
  return reads === 'lease' || (reads === undefined && readsFromLeases) ? withLeases(world, chance) : world;
}
