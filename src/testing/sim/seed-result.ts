import type { CliOptions } from './cli-options.ts';
import type { Counts } from './coverage.ts';
import type { Engine } from './engine.ts';
import type { SimulationStats, TraceSink } from './simulation.ts';
import { DEFAULT_OPTIONS } from './world.ts';

/** What is left of a simulation, in plain values. */
export interface SeedResult {
  readonly seed: number;
  readonly broken: { readonly rule: string; readonly message: string } | undefined;
  readonly traceHash: string;
  readonly stats: SimulationStats;
  readonly coverage: Counts;
  readonly cpuMs: number;
}

const MICROSECONDS = 1_000;

export async function runSeed(
  engine: Engine,
  { seconds, machine, focus, reads }: Pick<CliOptions, 'seconds' | 'machine' | 'focus' | 'reads'>,
  seed: number,
  sink?: TraceSink,
): Promise<SeedResult> {
  const before = process.cpuUsage();
  const world = engine.draw({ ...DEFAULT_OPTIONS, seed, seconds, machine, focus, reads });
  const { violation, traceHash, stats, coverage } = await engine.run(world, sink);
  const { user, system } = process.cpuUsage(before);
  const broken = violation && { rule: violation.rule, message: violation.message };
  return { seed, broken, traceHash, stats, coverage, cpuMs: (user + system) / MICROSECONDS };
}
