import type { World } from '../world.ts';
import type { WorldTraits } from '../world-traits.ts';

type Simplify = (world: World) => World | undefined;

const with_ = (change: (traits: WorldTraits) => Partial<WorldTraits>): Simplify => {
  return (world) => ({ ...world, traits: { ...world.traits, ...change(world.traits) } });
};

/** Plainer circumstances, each tried by itself. */
export function simplerTraits(): readonly Simplify[] {
  return [
    with_(() => ({ lossChance: 0 })),
    with_(() => ({ duplicateChance: 0 })),
    with_(({ clockRates }) => ({ clockRates: clockRates.map(() => 1) })),
    with_(({ wallOffsetsMs }) => ({ wallOffsetsMs: wallOffsetsMs.map(() => 0) })),
    with_(() => ({ lastingFault: null })),
    with_(() => ({ turnMs: 0 })),
    with_(() => ({ readsPerSecond: 1 })),
    with_(() => ({ proposalsPerSecond: 10 })),
    with_(() => ({ proposalsPerSecond: 2 })),
    with_(() => ({ settings: {} })),
  ];
}
