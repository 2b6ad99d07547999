import { readOptions, USAGE, type CliOptions } from './cli-options.ts';
import type { Engine } from './engine.ts';
import { loadEngine } from './load-engine.ts';
import { Report, summary } from './report.ts';
import { runSeed, type SeedResult } from './seed-result.ts';
import { readScenario, writeScenario } from './shrink/scenario-file.ts';
import { shrink } from './shrink/shrink.ts';
import { runInProcesses } from './workers.ts';
import { DEFAULT_OPTIONS, type World } from './world.ts';

/**
 * Runs simulated clusters until all their promises held, or one broke. Exit code 0 when all held, 1 when one broke or
 * a long run never met what it should sometimes meet, 2 for wrong options.
 */
const SHRINK_RUNS_MAX = 400;
const SHRINK_MS_MAX = 60_000;
const STACK_FRAMES = 30;
/** More than these are worth a process of their own, whose memory is laid out for them. */
const SEEDS_HERE_MAX = 20;

const printLine = (line: string): void => console.log(line);

async function main(): Promise<number> {
  let options: CliOptions;
  let engine: Engine;
  let scenario: ReturnType<typeof readScenario> | undefined;
  try {
    options = readOptions(process.argv.slice(2));
    scenario = options.replay === undefined ? undefined : readScenario(options.replay);
    engine = await loadEngine(scenario?.mutant ?? options.mutant);
  } catch (error) {
    console.error(`sim: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  return scenario === undefined ? runSeeds(engine, options) : replay(engine, scenario, options);
}

async function runSeeds(engine: Engine, options: CliOptions): Promise<number> {
  const report = new Report(options.seeds, printLine);
  const failures: SeedResult[] = [];
  const take = (result: SeedResult): void => {
    report.add(result);
    if (result.broken !== undefined) failures.push(result);
  };
  if (options.jobs > 1 || (options.seeds > SEEDS_HERE_MAX && !options.trace)) {
    await runInProcesses(options, take);
  } else {
    for (let at = 0; at < options.seeds; at += 1) {
      take(await runSeed(engine, options, options.seed + at, options.trace ? printLine : undefined));
    }
  }
  for (const failure of failures) await explain(engine, options, failure);
  return report.finish() ? 0 : 1;
}

/** Says what broke, with a stack where there is one, and writes down the smallest world in which it still does. */
async function explain(engine: Engine, options: CliOptions, failure: SeedResult): Promise<void> {
  const { seed, broken, stats } = failure;
  const { seconds, machine, focus, reads, mutant } = options;
  const world = engine.draw({ ...DEFAULT_OPTIONS, seed, seconds, machine, focus, reads });
  console.log(`FAIL ${summary(failure)}\n  ${await messageOf(engine, world, broken!.message)}`);
  const flags = Object.entries({ machine, focus, reads, mutant }).map(([name, value]) =>
    value === undefined ? '' : ` --${name} ${value}`,
  );
  console.log(`  again: npm run sim -- --seeds 1 --seed ${seed} --seconds ${seconds}${flags.join('')}`);
  const startedAtMs = performance.now();
  const first = { rule: broken!.rule, simulatedMs: stats.simulatedMs };
  const shrunk = await shrink(world, first, {
    run: async (candidate) => {
      const {
        violation,
        stats: { simulatedMs },
      } = await engine.run(candidate);
      return { rule: violation?.rule, simulatedMs };
    },
    runsMax: options.shrinks ? SHRINK_RUNS_MAX : 0,
    isOver: () => performance.now() - startedAtMs > SHRINK_MS_MAX,
  });
  const path = writeScenario(options.out, { format: 1, rule: broken!.rule, mutant, world: shrunk.world });
  console.log(`  shrunk in ${shrunk.runs} runs: ${sizeOf(world)} → ${sizeOf(shrunk.world)}`);
  console.log(`  npm run sim -- --replay ${path}`);
}

const sizeOf = ({ faults, seconds, traits }: World): string =>
  `${faults.length} faults, ${seconds} s, ${traits.voters + traits.spares} machines`;

/** Stacks cost much, so they are taken only once something is known to fail. */
async function messageOf(engine: Engine, world: World, message: string): Promise<string> {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = STACK_FRAMES;
  const { violation } = await engine.run(world);
  Error.stackTraceLimit = limit;
  return violation?.message ?? `${message}\n  But not when run again: something is not deterministic.`;
}

async function replay(engine: Engine, scenario: ReturnType<typeof readScenario>, options: CliOptions): Promise<number> {
  Error.stackTraceLimit = STACK_FRAMES;
  const { violation, traceHash, stats } = await engine.run(scenario.world, options.trace ? printLine : undefined);
  const counts = Object.entries(stats).map(([name, value]) => `${name}=${value}`);
  console.log(`${violation === undefined ? 'pass' : 'FAIL'} ${traceHash} ${counts.join(' ')}`);
  if (violation !== undefined) console.log(`  ${violation.message}`);
  console.log(violation === undefined ? '1 passed, 0 failed' : '0 passed, 1 failed');
  return violation === undefined ? 0 : 1;
}

process.exitCode = await main();
