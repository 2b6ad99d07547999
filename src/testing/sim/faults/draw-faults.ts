import { ConfChangeTransition } from '../../../consensus/types.ts';
import type { Prng } from '../prng.ts';
import type { Focus } from '../world-traits.ts';
import type { Fault, FaultAction, FaultKind, Target } from './fault.ts';

export interface DrawOptions {
  readonly focus: Focus;
  readonly voters: number;
  readonly spares: number;
  readonly endMs: number;
}

interface Dice {
  readonly prng: Prng;
  readonly machines: readonly number[];
}

type Draw = (dice: Dice) => FaultAction;

/** How often a kind comes up among those that a world has. */
interface Kind {
  readonly weight: number;
  readonly draw: Draw;
}

const HOUR_MS = 3_600_000;
/** The longest is more than an election timeout. */
const APART_MS = [0, 0, 300, 2_500] as const;
const TRANSITIONS = [
  ConfChangeTransition.auto,
  ConfChangeTransition.jointImplicit,
  ConfChangeTransition.jointExplicit,
] as const;

const anyone = ({ prng, machines }: Dice): number => prng.pick(machines);
const someone = (dice: Dice): Target => (dice.prng.chance(0.5) ? 'leader' : anyone(dice));
const about = (prng: Prng, ...typical: number[]): number => Math.round(prng.pick(typical) * prng.between(0.5, 1.5));
const half = ({ prng, machines }: Dice): number[] => machines.filter(() => prng.chance(0.5));
const shuffled = ({ prng, machines }: Dice): number[] => {
  const order = machines.map((machine) => ({ machine, key: prng.next() }));
  return order.toSorted((a, b) => a.key - b.key).map(({ machine }) => machine);
};

const drawCrash: Draw = (dice) => {
  const { prng } = dice;
  const afterSteps = prng.chance(0.6) ? 1 + prng.below(prng.pick([4, 30, 200])) : 0;
  const noticeMs = prng.chance(0.6) ? prng.between(25, 80) : 0;
  return { kind: 'crash', on: someone(dice), afterSteps, downMs: about(prng, 20, 200, 2_000), noticeMs };
};

/** Kinds that any world may have; which of them it has is drawn too, so that some run without much company. */
const COMMON: { readonly [K in FaultKind]?: Kind } = {
  crash: { weight: 5, draw: drawCrash },
  ambush: {
    weight: 2,
    draw: ({ prng }) => {
      const at = prng.pick([
        'installing a snapshot',
        'installing a snapshot',
        'elected',
        'leading a joint configuration',
      ] as const);
      return { kind: 'ambush', at, afterSteps: 1 + prng.below(6), downMs: about(prng, 20, 300) };
    },
  },
  'power-cut': {
    weight: 1,
    draw: ({ prng }) => ({ kind: 'power-cut', downMs: about(prng, 100, 600), spreadMs: prng.pick([0, 0, 150]) }),
  },
  stop: { weight: 2, draw: (dice) => ({ kind: 'stop', on: someone(dice), downMs: about(dice.prng, 100) }) },
  pause: {
    weight: 3,
    draw: (dice) => ({ kind: 'pause', on: someone(dice), forMs: about(dice.prng, 30, 150, 1_500) }),
  },
  partition: {
    weight: 2,
    draw: (dice) => {
      const { prng } = dice;
      return { kind: 'partition', side: half(dice), forMs: about(prng, 100, 700, 3_000), staleAfter: prng.chance(0.3) };
    },
  },
  isolate: {
    weight: 2,
    draw: (dice) => {
      const { prng } = dice;
      return { kind: 'isolate', on: someone(dice), forMs: about(prng, 100, 700, 3_000), staleAfter: prng.chance(0.3) };
    },
  },
  'cut-one-way': {
    weight: 2,
    draw: (dice) => ({
      kind: 'cut-one-way',
      from: someone(dice),
      to: anyone(dice),
      forMs: about(dice.prng, 700, 3_000),
    }),
  },
  bridge: {
    weight: 1,
    draw: (dice) => ({ kind: 'bridge', side: half(dice), middle: anyone(dice), forMs: about(dice.prng, 700, 3_000) }),
  },
  swizzle: {
    weight: 1,
    draw: (dice) => ({
      kind: 'swizzle',
      cutOrder: shuffled(dice),
      healOrder: shuffled(dice),
      stepMs: about(dice.prng, 50, 300),
    }),
  },
  flap: {
    weight: 1,
    draw: (dice) => ({
      kind: 'flap',
      on: someone(dice),
      times: 2 + dice.prng.below(6),
      everyMs: about(dice.prng, 60, 400),
    }),
  },
  'slow-links': {
    weight: 1,
    draw: (dice) => ({
      kind: 'slow-links',
      on: someone(dice),
      byMs: about(dice.prng, 20, 150),
      forMs: about(dice.prng, 1_500),
    }),
  },
  loss: {
    weight: 1,
    draw: ({ prng }) => ({ kind: 'loss', chance: prng.pick([0.1, 0.3, 0.6]), forMs: about(prng, 1_000) }),
  },
  duplicates: {
    weight: 1,
    draw: ({ prng }) => ({ kind: 'duplicates', chance: prng.pick([0.2, 0.6]), forMs: about(prng, 1_000) }),
  },
  'stale-burst': {
    weight: 2,
    draw: ({ prng }) => ({ kind: 'stale-burst', olderThanMs: prng.pick([0, 1_000, 10_000]) }),
  },
  'stall-disk': {
    weight: 2,
    draw: (dice) => ({ kind: 'stall-disk', on: someone(dice), forMs: about(dice.prng, 50, 500, 4_000) }),
  },
  'slow-disk': {
    weight: 1,
    draw: (dice) => ({
      kind: 'slow-disk',
      on: someone(dice),
      factor: dice.prng.pick([5, 30]),
      forMs: about(dice.prng, 2_000),
    }),
  },
  'fail-write': { weight: 2, draw: (dice) => ({ kind: 'fail-write', on: someone(dice) }) },
  'fill-disk': {
    weight: 1,
    draw: (dice) => ({ kind: 'fill-disk', on: someone(dice), forMs: about(dice.prng, 300, 2_000) }),
  },
  'spoil-snapshot': {
    weight: 1,
    draw: (dice) => ({ kind: 'spoil-snapshot', on: someone(dice), place: dice.prng.next() }),
  },
  'write-back': { weight: 1, draw: (dice) => ({ kind: 'write-back', on: anyone(dice) }) },
  'jump-clock': {
    weight: 1,
    draw: (dice) => ({ kind: 'jump-clock', on: someone(dice), byMs: Math.round(dice.prng.between(-HOUR_MS, HOUR_MS)) }),
  },
  drift: {
    weight: 1,
    draw: (dice) => ({ kind: 'drift', on: anyone(dice), rate: dice.prng.pick([0.5, 0.9, 1, 1.1, 2]) }),
  },
  'false-hint': { weight: 2, draw: (dice) => ({ kind: 'false-hint', by: half(dice) }) },
  transfer: { weight: 2, draw: (dice) => ({ kind: 'transfer', to: anyone(dice) }) },
  burst: { weight: 1, draw: ({ prng }) => ({ kind: 'burst', commands: about(prng, 20, 100) }) },
};

/** Worlds with machines standing by: members come and go. */
const MEMBERSHIP: { readonly [K in FaultKind]?: Kind } = {
  member: {
    weight: 6,
    draw: (dice) => ({ kind: 'member', verb: dice.prng.pick(['add', 'add', 'promote', 'remove']), node: anyone(dice) }),
  },
  reconfigure: {
    weight: 4,
    draw: (dice) => {
      const moves = half(dice).map((node) => ({ node, as: dice.prng.pick(['voter', 'learner', 'gone'] as const) }));
      return { kind: 'reconfigure', moves, transition: dice.prng.pick(TRANSITIONS) };
    },
  },
  'leave-joint': { weight: 3, draw: () => ({ kind: 'leave-joint' }) },
};

/** Worlds without: disks are damaged or lost, and whoever loses one is replaced. */
const DAMAGE: { readonly [K in FaultKind]?: Kind } = {
  'flip-bit': {
    weight: 2,
    draw: (dice) => {
      const { prng } = dice;
      const where = prng.pick(['log', 'log', 'log', 'log-base', 'state', 'state', 'mark'] as const);
      const apartMs = prng.pick(APART_MS);
      return { kind: 'flip-bit', on: someone(dice), where, place: prng.next(), downMs: about(prng, 100), apartMs };
    },
  },
  'lose-tail': {
    weight: 2,
    draw: (dice) => {
      const { prng } = dice;
      const share = prng.next() ** 3;
      const apartMs = prng.pick(APART_MS);
      return { kind: 'lose-tail', on: someone(dice), share, downMs: about(prng, 100), apartMs };
    },
  },
  'rot-everywhere': {
    weight: 1,
    draw: ({ prng, machines }) => ({
      kind: 'rot-everywhere',
      places: machines.map(() => prng.next()),
      downMs: about(prng, 100),
    }),
  },
  'restore-copy': {
    weight: 1,
    draw: (dice) => ({
      kind: 'restore-copy',
      on: someone(dice),
      downMs: about(dice.prng, 100),
      afterMs: about(dice.prng, 1_000, 3_000),
    }),
  },
  'wipe-disk': { weight: 1, draw: (dice) => ({ kind: 'wipe-disk', on: someone(dice), downMs: about(dice.prng, 100) }) },
};

/** What makes a world be about something: these kinds and no others, and often. */
const KINDS_OF: { readonly [F in Exclude<Focus, 'anything'>]: readonly FaultKind[] } = {
  elections: [
    'crash',
    'ambush',
    'isolate',
    'cut-one-way',
    'pause',
    'false-hint',
    'transfer',
    'loss',
    'stall-disk',
    'power-cut',
    'stale-burst',
  ],
  membership: ['crash', 'ambush', 'isolate', 'partition', 'pause', 'transfer', 'slow-disk'],
  snapshots: [
    'crash',
    'ambush',
    'isolate',
    'partition',
    'stale-burst',
    'duplicates',
    'slow-links',
    'pause',
    'burst',
    'spoil-snapshot',
  ],
  damage: ['crash', 'isolate', 'power-cut', 'pause', 'fail-write'],
};
const FOCUSED_EVERY_MS = [150, 300, 800] as const;
const KIND_CHANCE = 0.6;
const FAULT_EVERY_MS = [300, 800, 2_000] as const;

/** All that will go wrong in a world, in the order of time. */
export function drawFaults(prng: Prng, { focus, voters, spares, endMs }: DrawOptions): readonly Fault[] {
  const machines = Array.from({ length: voters + spares }, (_, at) => at + 1);
  const dice: Dice = { prng, machines };
  const loses = focus === 'damage' || (focus === 'anything' && prng.chance(0.4));
  const special = spares > 0 ? MEMBERSHIP : loses ? DAMAGE : {};
  const common = focus === 'anything' ? Object.values(COMMON) : KINDS_OF[focus].map((kind) => COMMON[kind]!);
  const kinds = [...common.filter(() => prng.chance(KIND_CHANCE)), ...Object.values(special)];
  const bag = kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
  if (bag.length === 0) return [];
  const everyMs = prng.pick(focus === 'anything' ? FAULT_EVERY_MS : FOCUSED_EVERY_MS);
  const faults: Fault[] = [];
  for (let atMs = prng.between(0, 2 * everyMs); atMs < endMs; atMs += prng.between(0, 2 * everyMs)) {
    faults.push({ atMs: Math.round(atMs), ...prng.pick(bag).draw(dice) });
  }
  return faults;
}
