import { engine } from '../sim/engine.ts';
import { DEFAULT_OPTIONS, type World } from '../sim/world.ts';
import { Chaos } from '../consensus/chaos.ts';
import { loadMutant, loadMutatedChaos, loadMutatedStories } from './load-mutant.ts';
import type { Mutant } from './mutant.ts';
import { STORIES, type Story } from './stories.ts';

/** What became of a mutant. */
export interface Catch {
  readonly name: string;
  /** The promise that it broke; undefined when it survived its budget. */
  readonly rule: string | undefined;
  /** Worlds until then. */
  readonly seeds: number;
  readonly simulatedMs: number;
  readonly wallMs: number;
}

/** Runs worlds until one shows the bug, or the budget, or `seedsMax`, is spent. */
export async function hunt(planted: Mutant, seedsMax = Number.POSITIVE_INFINITY): Promise<Catch> {
  const { budget } = planted;
  const mutant = { ...planted, budget: { ...budget, seeds: Math.min(budget.seeds, seedsMax) } };
  const startedAtMs = performance.now();
  const caught = await huntWhere(mutant);
  return { name: mutant.name, ...caught, wallMs: performance.now() - startedAtMs };
}

function huntWhere(mutant: Mutant): Promise<Found> {
  if (mutant.story !== undefined) return tell(mutant, mutant.story);
  return mutant.core === undefined ? huntInSimulator(mutant) : huntInCore(mutant, mutant.core);
}

type Found = Pick<Catch, 'rule' | 'seeds' | 'simulatedMs'>;

async function huntInSimulator({ name, budget, machine, focus, reads, blind }: Mutant): Promise<Found> {
  const mutated = await loadMutant(name);
  let simulatedMs = 0;
  for (let seed = 1; seed <= budget.seeds; seed += 1) {
    const { seconds } = budget;
    const checksDurability = blind !== true;
    const world = mutated.draw({ ...DEFAULT_OPTIONS, seed, seconds, machine, focus, reads, checksDurability });
    const { violation, stats } = await mutated.run(world);
    simulatedMs += stats.simulatedMs;
    if (violation === undefined) continue;
    await insistSound(world);
    return { rule: violation.rule, seeds: seed, simulatedMs };
  }
  return { rule: undefined, seeds: budget.seeds, simulatedMs };
}

/** The bug is to blame only if the same world keeps all promises without it. */
async function insistSound(world: World): Promise<void> {
  const { violation } = await engine.run(world);
  if (violation !== undefined) throw new Error(`World ${world.seed} fails without any bug: ${violation.message}`);
}

const CORE_STEPS = 3_000;

async function huntInCore({ name, budget }: Mutant, options: NonNullable<Mutant['core']>): Promise<Found> {
  const Mutated = await loadMutatedChaos(name);
  for (let seed = 1; seed <= budget.seeds; seed += 1) {
    const disturbance = { ...options, seed, steps: CORE_STEPS };
    const problem = problemOf(() => new Mutated(disturbance).run());
    if (problem === undefined) continue;
    new Chaos(disturbance).run();
    return { rule: `core: ${problem}`, seeds: seed, simulatedMs: 0 };
  }
  return { rule: undefined, seeds: budget.seeds, simulatedMs: 0 };
}

async function tell({ name }: Mutant, story: Story): Promise<Found> {
  const stories = await loadMutatedStories(name);
  STORIES[story]();
  const problem = problemOf(stories[story]);
  return { rule: problem && `story: ${problem}`, seeds: 1, simulatedMs: 0 };
}

function problemOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0] : String(error);
  }
}
