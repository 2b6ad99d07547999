import { DEFAULT_RAFT_SETTINGS, type RaftSettings } from '../../node/raft/raft-settings.ts';
import type { LastingFault } from './faults/fault.ts';
import type { Prng } from './prng.ts';

/** What the log drives: lists of transactions, or the chat itself. */
export type MachineKind = 'list' | 'chat';

/** What a world is mostly about; the others have a bit of everything. */
export const FOCUSES = ['elections', 'membership', 'snapshots', 'damage'] as const;
export type Focus = (typeof FOCUSES)[number] | 'anything';

/** The character of one simulated world, drawn from its seed. */
export interface WorldTraits {
  readonly focus: Focus;
  /** Machines 1 to `voters` found the cluster; as many as `spares` stand by empty. */
  readonly voters: number;
  readonly spares: number;
  readonly machine: MachineKind;
  readonly proposalsPerSecond: number;
  readonly readsPerSecond: number;
  readonly delayMs: number;
  readonly lossChance: number;
  readonly duplicateChance: number;
  readonly syncMs: number;
  /** How long a process is busy before it gets to what it has put off. */
  readonly turnMs: number;
  /** By machine. */
  readonly clockRates: readonly number[];
  readonly wallOffsetsMs: readonly number[];
  /** What is wrong with a minority in the first part of the phase without other faults; null for nothing. */
  readonly lastingFault: LastingFault | null;
  readonly settings: Partial<RaftSettings>;
}

const VOTERS = [3, 3, 3, 3, 5, 5, 4, 1] as const;

export function drawTraits(prng: Prng, machine: MachineKind, focus: Focus): WorldTraits {
  const voters = focus === 'anything' ? prng.pick(VOTERS) : prng.pick([3, 3, 4, 5]);
  const spares = drawSpares(prng, focus);
  const machines = Array.from({ length: voters + spares });
  // Most crystals are good; a virtual machine's clock may run at half or twice the speed.
  const skew = prng.chance(0.8) ? 0.02 : 0.5;
  return {
    focus,
    voters,
    spares,
    machine,
    proposalsPerSecond: prng.pick([50, 60, 80]),
    readsPerSecond: prng.pick([4, 8, 20]),
    delayMs: prng.pick([0.2, 0.5, 1, 5]),
    lossChance: prng.pick([0, 0, 0.001, 0.02, 0.1]),
    duplicateChance: prng.pick([0, 0, 0.01, 0.1]),
    syncMs: prng.pick([0.2, 0.5, 2, 10]),
    turnMs: prng.pick([0, 0, 0.1, 1]),
    clockRates: machines.map(() => 2 ** prng.between(-2 * skew, 2 * skew)),
    wallOffsetsMs: machines.map(() => prng.between(-500, 500)),
    lastingFault: prng.chance(0.5) ? drawLastingFault(prng) : null,
    settings: drawSettings(prng, machine, focus),
  };
}

const LASTING = ['crashed', 'isolated', 'deaf', 'mute', 'paused', 'disk-stuck'] as const;

function drawLastingFault(prng: Prng): LastingFault {
  return { kind: prng.pick(LASTING), hitsLeader: prng.chance(0.6) };
}

/** Small bounds meet their ends often. */
function drawSpares(prng: Prng, focus: Focus): number {
  const chance = { elections: 0, membership: 1, snapshots: 0.2, damage: 0, anything: 0.4 }[focus];
  return prng.chance(chance) ? 1 + prng.below(2) : 0;
}

function drawSettings(prng: Prng, machine: MachineKind, focus: Focus): Partial<RaftSettings> {
  // Messages of people are larger than the smallest bounds, and a state full of them larger still.
  const isChat = machine === 'chat';
  const compactsOften = focus === 'snapshots' || focus === 'damage';
  const tiny = !isChat && prng.chance(0.5);
  const common = DEFAULT_RAFT_SETTINGS;
  return {
    batchItemsMax: tiny ? 2 : 64,
    messageBytesMax: tiny ? 128 : 64 * 1024,
    inflightMessagesMax: tiny ? prng.pick([4, 64]) : prng.pick([1, 64]),
    inflightBytesMax: tiny ? 1_024 : common.inflightBytesMax,
    uncommittedBytesMax: tiny ? 4_096 : common.uncommittedBytesMax,
    unappliedBytesMax: tiny ? 512 : common.unappliedBytesMax,
    applyItemsPerSlice: prng.pick([1, 4, 256]),
    snapshotChunkBytesMax: isChat ? 65_536 : prng.pick([512, 4_096, 65_536]),
    snapshotIdleMs: 1_500,
    compactCheckMs: prng.pick([200, 1_000]),
    compactEntries: compactsOften ? 20 : prng.pick([20, 100, 100_000]),
    tailEntries: focus === 'snapshots' ? 0 : prng.pick([0, 10, 50]),
  };
}
