import type { Fault } from '../faults/fault.ts';
import type { World } from '../world.ts';

/** The world without one machine, and without the faults that are about nothing else. Undefined when it is the last. */
export function withoutMachine(world: World, number: number): World | undefined {
  const { traits } = world;
  if (traits.voters + traits.spares <= 1) return undefined;
  const isVoter = number <= traits.voters;
  if (isVoter && traits.voters === 1) return undefined;
  const rest = <T>(values: readonly T[]): T[] => values.filter((_, at) => at !== number - 1);
  return {
    ...world,
    traits: {
      ...traits,
      voters: traits.voters - (isVoter ? 1 : 0),
      spares: traits.spares - (isVoter ? 0 : 1),
      clockRates: rest(traits.clockRates),
      wallOffsetsMs: rest(traits.wallOffsetsMs),
    },
    faults: world.faults.flatMap((fault) => withoutMachineIn(fault, number) ?? []),
  };
}

/** Every machine after the one that is gone moves up by one. Undefined when the fault was about just that one. */
function withoutMachineIn(fault: Fault, gone: number): Fault | undefined {
  const changed: Record<string, unknown> = { ...fault };
  for (const field of ['on', 'from', 'to', 'node', 'middle'] as const) {
    const value = changed[field];
    if (typeof value !== 'number') continue;
    if (value === gone) return undefined;
    changed[field] = renumber(value, gone);
  }
  for (const field of ['side', 'by', 'cutOrder', 'healOrder'] as const) {
    const value = changed[field] as readonly number[] | undefined;
    if (value !== undefined) {
      changed[field] = value.filter((number) => number !== gone).map((number) => renumber(number, gone));
    }
  }
  if (fault.kind === 'reconfigure') {
    const moves = fault.moves.filter(({ node }) => node !== gone);
    changed['moves'] = moves.map((move) => ({ ...move, node: renumber(move.node, gone) }));
  }
  return changed as unknown as Fault;
}

const renumber = (number: number, gone: number): number => (number > gone ? number - 1 : number);
