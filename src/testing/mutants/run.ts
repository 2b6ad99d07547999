import { parseArgs } from 'node:util';
import { MUTANTS } from './catalog.ts';
import { hunt, type Catch } from './hunt.ts';
import type { Mutant } from './mutant.ts';

/**
 * Plants one bug after the other and lets the simulator look for it. Exit code 0 when all are found within their
 * budgets, 1 when one survives, 2 for wrong options.
 */
const USAGE = `usage: npm run mutants -- [options]
  --only NAME   just this one; may be repeated
  --quick       just those that are found fast
  --seeds N     spend no more worlds than that on each
  --list        name them, and say what is wrong with them`;

interface RunOptions {
  readonly mutants: readonly Mutant[];
  readonly list: boolean;
  readonly seedsMax: number;
}

function readOptions(args: readonly string[]): RunOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true, default: [] },
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      seeds: { type: 'string' },
    },
  });
  const seedsMax = values.seeds === undefined ? Number.POSITIVE_INFINITY : Number(values.seeds);
  if (!(seedsMax >= 1)) throw new Error(`--seeds needs a number from 1 on, not ${values.seeds}.`);
  const unknown = values.only.find((name) => !MUTANTS.some((mutant) => mutant.name === name));
  if (unknown !== undefined) throw new Error(`There is no mutant ${unknown}.`);
  const named = values.only.length === 0 ? MUTANTS : MUTANTS.filter(({ name }) => values.only.includes(name));
  const mutants = values.quick ? named.filter(({ isQuick }) => isQuick === true) : named;
  return { mutants, list: values.list, seedsMax };
}

const nameWidth = Math.max(...MUTANTS.map(({ name }) => name.length));

function line({ name, rule, seeds, simulatedMs, wallMs }: Catch, { budget }: Mutant): string {
  const verdict = rule === undefined ? 'SURVIVED' : 'caught';
  const effort = `${String(seeds).padStart(4)} of ${String(budget.seeds).padStart(3)} worlds`;
  const times = `${(simulatedMs / 1_000).toFixed(0).padStart(5)} s simulated, ${(wallMs / 1_000).toFixed(1).padStart(5)} s`;
  return `${verdict.padEnd(8)} ${name.padEnd(nameWidth)} ${effort} ${times}  ${rule ?? ''}`;
}

async function main(): Promise<number> {
  let options: RunOptions;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`mutants: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  if (options.list) {
    for (const { name, what } of options.mutants) console.log(`${name.padEnd(nameWidth)} ${what}`);
    return 0;
  }
  Error.stackTraceLimit = 0;
  let survivors = 0;
  for (const mutant of options.mutants) {
    const result = await hunt(mutant, options.seedsMax);
    if (result.rule === undefined) survivors += 1;
    console.log(line(result, mutant));
  }
  console.log(`${options.mutants.length - survivors} passed, ${survivors} failed`);
  return survivors === 0 ? 0 : 1;
}

process.exitCode = await main();
