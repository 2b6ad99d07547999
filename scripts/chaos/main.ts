/** `npm run chaos -- kill-leader --rounds N --seed S`: breaks a cluster of its own on purpose and judges the result. */
import { parseArgs } from 'node:util';
import { FAULT_NAMES, isFaultKind } from './faults.ts';
import { killLeader } from './kill-leader.ts';
import type { Distribution } from './percentiles.ts';

const EXIT = { clean: 0, violation: 1, usage: 2, invalid: 3 } as const;
const SHOWN_MAX = 20;
const USAGE = `usage: npm run chaos -- kill-leader [--how WAY[,WAY…]] [--rounds N] [--seed S] [--rate PER_SECOND]
                                    [--history FILE] [--keep]

Starts three nodes on free ports, lets people write and read through all of them, and takes the leader away N times,
in the given ways in turn:
  kill       kill -9 of its process
  kill-all   the same, with its nats-server
  stop       its process is stopped (SIGSTOP), and goes on once another leads
  partition  it is cut off from the others, not from its clients, until another leads
The default is kill,kill-all. Then checks what the clients saw against what every node shows. --history writes
everything that happened as JSON lines; --keep leaves the data for a look.

Exit codes: 0 clean, 1 a promise was broken, 2 usage, 3 the run says nothing (too little was acknowledged).
The last line is the score.`;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      how: { type: 'string', default: 'kill,kill-all' },
      rounds: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
      rate: { type: 'string', default: '300' },
      history: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return EXIT.clean;
  }
  const [rounds, seed, rate] = [Number(values.rounds), Number(values.seed), Number(values.rate)];
  const wellFormed = Number.isInteger(rounds) && rounds > 0 && Number.isInteger(seed) && rate > 0 && rate <= 5_000;
  const how = values.how.split(',');
  if (positionals.join(' ') !== 'kill-leader' || !wellFormed || !how.every(isFaultKind)) {
    console.error(USAGE);
    return EXIT.usage;
  }
  const report = await killLeader({
    rounds,
    how,
    seed,
    rate,
    historyFile: values.history ?? null,
    keepData: values.keep,
    say: (sentence) => console.log(sentence),
  });
  for (const { kind, what } of report.verdict.violations.slice(0, SHOWN_MAX)) console.log(`VIOLATION ${kind}: ${what}`);
  if (!report.converged) console.log('VIOLATION the nodes did not converge');
  for (const [kind, gaps] of report.gaps) console.log(`write gap, ${FAULT_NAMES[kind]}: ${show(gaps)}`);
  if (report.invalid) console.log('INVALID: too little was acknowledged');
  console.log(report.scoreLine);
  if (report.verdict.violations.length > 0 || !report.converged) return EXIT.violation;
  return report.invalid ? EXIT.invalid : EXIT.clean;
}

function show({ n, p50, p99, max }: Distribution): string {
  return n === 0 ? 'none' : `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, max ${max.toFixed(0)} ms (n=${n})`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  console.error(isUsage ? `${error.message}\n${USAGE}` : error);
  process.exitCode = isUsage ? EXIT.usage : EXIT.violation;
}
