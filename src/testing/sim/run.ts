import { parseArgs } from 'node:util';
import { DEFAULT_OPTIONS, MUTANTS, type Mutant, type SimulationOptions } from './options.ts';
import { plant } from './planted-bugs.ts';
import { Simulation, type SimulationResult } from './simulation.ts';

/**
 * Runs simulated worlds: `--seeds N` of them from `--seed S` on, `--seconds` each. `--trace` prints everything that
 * happens; `--mutant NAME` plants a bug. Exit code 0 when all hold, 1 on a violation, 2 for wrong options.
 */
const USAGE = `usage: sim [--seeds N] [--seed S] [--seconds N] [--rate PROPOSALS_PER_SECOND] [--mutant NAME] [--trace]
mutants: ${MUTANTS.join(', ')}`;

interface RunOptions extends SimulationOptions {
  readonly seeds: number;
  readonly trace: boolean;
}

function readOptions(args: readonly string[]): RunOptions | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string', default: '100' },
        seed: { type: 'string', default: '1' },
        seconds: { type: 'string', default: String(DEFAULT_OPTIONS.seconds) },
        rate: { type: 'string', default: String(DEFAULT_OPTIONS.proposalsPerSecond) },
        mutant: { type: 'string' },
        trace: { type: 'boolean', default: false },
      },
    });
    const mutant = MUTANTS.find((name) => name === values.mutant);
    if (values.mutant !== undefined && mutant === undefined) return undefined;
    const numbers = [values.seeds, values.seed, values.seconds, values.rate].map(Number);
    if (!numbers.every((number) => Number.isSafeInteger(number) && number > 0)) return undefined;
    const [seeds, seed, seconds, proposalsPerSecond] = numbers as [number, number, number, number];
    return { ...DEFAULT_OPTIONS, seeds, seed, seconds, proposalsPerSecond, mutant, trace: values.trace };
  } catch {
    return undefined;
  }
}

function report({ seed, violation, traceHash, stats }: SimulationResult, options: RunOptions): void {
  const { nodes, faults, terms, committed, acked, reads, snapshots, events } = stats;
  const counts = Object.entries({ nodes, faults, terms, committed, acked, reads, snapshots, events });
  const summary = `seed ${seed} ${traceHash} ${counts.map(([name, count]) => `${name}=${count}`).join(' ')}`;
  if (violation === undefined) {
    if (options.seeds <= 20) console.log(`pass ${summary}`);
    return;
  }
  const again = `--seeds 1 --seed ${seed} --seconds ${options.seconds} --rate ${options.proposalsPerSecond}`;
  const planted: Mutant | undefined = options.mutant;
  console.log(
    `FAIL ${summary}\n  ${violation.message}\n  again: npm run sim -- ${again}${planted ? ` --mutant ${planted}` : ''}`,
  );
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    console.error(USAGE);
    return 2;
  }
  const sink = options.trace ? (line: string): void => console.log(line) : undefined;
  const startedAt = performance.now();
  let failed = 0;
  plant(options.mutant);
  for (let i = 0; i < options.seeds; i += 1) {
    const result = await new Simulation({ ...options, seed: options.seed + i }, sink).run();
    if (result.violation !== undefined) failed += 1;
    report(result, options);
  }
  const wallSeconds = (performance.now() - startedAt) / 1_000;
  const speed = (options.seeds * options.seconds) / wallSeconds;
  console.log(`${wallSeconds.toFixed(1)} s, ${speed.toFixed(0)} simulated seconds per second`);
  console.log(`${options.seeds - failed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

process.exitCode = await main();
