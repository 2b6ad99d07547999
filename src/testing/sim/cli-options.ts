import { parseArgs } from 'node:util';
import type { ReadsKind } from './leased-world.ts';
import { FOCUSES, type Focus, type MachineKind } from './world-traits.ts';

export const USAGE = `usage: npm run sim -- [options]
  --seeds N        simulated worlds to run (default 100)
  --seed S         the first of them (default 1)
  --seconds N      simulated seconds with faults, in each (default 60)
  --machine NAME   what the log drives: list or chat (default: either, by seed)
  --focus NAME     what the worlds are about: elections, membership, snapshots, damage or anything
  --reads HOW      how linearizable reads are confirmed: quorum or lease (default: either, by seed)
  --mutant NAME    plant one of the bugs that \`npm run mutants -- --list\` names
  --jobs J         processes (default 1)
  --no-shrink      report failures as they are
  --out DIR        where scenarios of failures are written (default .cache/sim)
  --replay FILE    run one scenario again
  --trace          print everything that happens`;

export interface CliOptions {
  readonly seeds: number;
  readonly seed: number;
  readonly seconds: number;
  readonly machine: MachineKind | undefined;
  readonly focus: Focus | undefined;
  readonly reads: ReadsKind | undefined;
  readonly mutant: string | undefined;
  readonly jobs: number;
  readonly shrinks: boolean;
  readonly out: string;
  readonly replay: string | undefined;
  readonly trace: boolean;
}

const JOBS_MAX = 64;

/** @throws Error with what is wrong about the arguments */
export function readOptions(args: readonly string[]): CliOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '60' },
      machine: { type: 'string' },
      focus: { type: 'string' },
      reads: { type: 'string' },
      mutant: { type: 'string' },
      jobs: { type: 'string', default: '1' },
      'no-shrink': { type: 'boolean', default: false },
      out: { type: 'string', default: '.cache/sim' },
      replay: { type: 'string' },
      trace: { type: 'boolean', default: false },
    },
  });
  const { machine, reads, mutant, out, replay, trace } = values;
  if (machine !== undefined && machine !== 'list' && machine !== 'chat') {
    throw new Error(`--machine is list or chat, not ${machine}.`);
  }
  if (reads !== undefined && reads !== 'quorum' && reads !== 'lease') {
    throw new Error(`--reads is quorum or lease, not ${reads}.`);
  }
  const focus = [...FOCUSES, 'anything' as const].find((name) => name === values.focus);
  if (values.focus !== undefined && focus === undefined) {
    throw new Error(`--focus is one of ${FOCUSES.join(', ')} and anything, not ${values.focus}.`);
  }
  return {
    seeds: count('--seeds', values.seeds),
    seed: count('--seed', values.seed),
    seconds: count('--seconds', values.seconds),
    machine,
    focus,
    reads,
    mutant,
    jobs: Math.min(count('--jobs', values.jobs), JOBS_MAX),
    shrinks: !values['no-shrink'],
    out,
    replay,
    trace,
  };
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`${name} needs a whole number from 1 on, not ${text}.`);
  return value;
}
