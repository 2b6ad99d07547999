/** `npm run chaos -- MODE …`: breaks a cluster of its own on purpose and judges the result. */
import { parseArgs } from 'node:util';
import { damage } from './damage/damage.ts';
import { SPREADS } from './damage/file-kinds.ts';
import { FAULT_NAMES, isFaultKind } from './faults.ts';
import { isFuzzTarget, runFuzz } from './fuzz/command.ts';
import { killLeader } from './kill-leader.ts';
import { rollingRestart } from './rolling-restart.ts';
import { runReconnectStorm, runSlowReader } from './crowds.ts';
import { STORM_KINDS } from './storm/reconnect-storm.ts';
import type { Spread } from './damage/file-kinds.ts';
import type { FaultKind } from './faults.ts';
import type { Distribution } from './percentiles.ts';
import type { RunOptions, RunReport } from './run.ts';

const EXIT = { clean: 0, violation: 1, usage: 2, invalid: 3 } as const;
const SHOWN_MAX = 20;
const RATE_MAX = 5_000;
const USAGE = `usage: npm run chaos -- kill-leader     [--how WAY[,WAY…]] [--rounds N] [--rate PER_SECOND]
       npm run chaos -- rolling-restart [--rounds N] [--rate PER_SECOND]
       npm run chaos -- damage          [--copies N] [--by bytes|kinds] [--messages N]
each with                               [--seed S] [--history FILE] [--keep]
       npm run chaos -- reconnect-storm [--how WAY[,WAY…]] [--sockets N] [--rounds N] [--rate PER_SECOND]
       npm run chaos -- slow-reader     [--slow N] [--rounds N] [--rate PER_SECOND]
       npm run chaos -- fuzz            [--target api|frames] [--inputs N] [--seed S]

Starts three nodes on free ports, lets people write and read, and disturbs the nodes. Then checks what the clients saw
against what every node shows.

kill-leader takes the leader away N times, in the given ways in turn (default: kill,kill-all):
  kill       kill -9 of its process
  kill-all   the same, with its nats-server
  stop       its process is stopped (SIGSTOP), and goes on once another leads
  partition  it is cut off from the others, not from its clients, until another leads
rolling-restart stops and starts every node in good order, one after the other, N times around, while people write
through the client engine. A send that fails there is a broken promise.
damage stops a node, flips a bit in one of its files or cuts it short, starts it, and waits until it has the same state
as the others, N times. --by bytes (default) hits every byte of a directory as often as any other, --by kinds every
kind of file; there are 6,000 messages before, or --messages. What is neither repaired nor says what to do is a broken promise.

reconnect-storm opens N live feeds (default 2,000) and takes them away all at once, in the given ways in turn (default:
cut,kill): every connection is cut, or a follower dies with its own. 99 % have to be back in 10 s, without an election,
and no feed may have a gap.
slow-reader lets clients (default 4) never read what is written in their room. They have to be cut off within 10 s, no
more than 32 MiB may wait for each, and the others wait no more than 1.5 times as long as without them.
fuzz sends the API of one node, in this process, N inputs (100,000) that no honest client would: requests that are nearly
right, frames, raw bytes. A crash, a 5xx without a way on, an error in its log, or a bystander who is not served is a
broken promise. The same seed sends the same inputs. --target frames sends the transports of three nodes, over real
nats-servers, frames that nobody sealed for them: what they said, altered, cut, joined, repeated or misdirected. One that
is taken for something said, or said twice, a crash, or a node that others do not hear any more is a broken promise.

--history writes everything that happened as JSON lines; --keep leaves the data for a look.

Exit codes: 0 clean, 1 a promise was broken, 2 usage, 3 the run says nothing (too little was acknowledged).
The last line is the score.`;

/** How a run went: what to print before the verdict, and promises of its own that it broke. */
interface Outcome {
  readonly report: RunReport;
  readonly lines: readonly string[];
  readonly broken: readonly string[];
}

interface Asked extends RunOptions {
  readonly how: readonly FaultKind[];
  readonly copies: number;
  readonly messages: number;
  readonly spread: Spread;
}

const JUDGED_MODES = {
  'kill-leader': { rate: 300, run: runKillLeader },
  'rolling-restart': { rate: 24, run: runRollingRestart },
  damage: { rate: 1, run: runDamage },
} as const;

/** These judge themselves: what they are about is how long people wait, not what stands in the log. */
const CROWD_MODES = {
  'reconnect-storm': { rate: 20, rounds: 4, run: runReconnectStorm },
  'slow-reader': { rate: 100, rounds: 3, run: runSlowReader },
} as const;

async function runKillLeader(asked: Asked): Promise<Outcome> {
  const report = await killLeader(asked);
  const lines = [...report.gaps].map(([kind, gaps]) => `write gap, ${FAULT_NAMES[kind]}: ${show(gaps)}`);
  return { report, lines, broken: [] };
}

async function runRollingRestart(asked: Asked): Promise<Outcome> {
  const report = await rollingRestart(asked);
  const { failed, keptLeadership, sendsMs, restarts, leaderStops } = report;
  return {
    report,
    lines: [`restarts: ${restarts}, ${leaderStops} of them of the leader`, `sends, from when due: ${show(sendsMs)}`],
    broken: [
      ...(failed === 0 ? [] : [`${failed} sends failed`]),
      ...keptLeadership.map((node) => `${node} ended without handing leadership over`),
    ],
  };
}

async function runDamage(asked: Asked): Promise<Outcome> {
  const report = await damage(asked);
  const { tally, troubles } = report;
  const broken = tally.count('wrong') + tally.count('stuck') > 0 ? ['a node was wrong, or stuck'] : [];
  return { report, lines: [...troubles, tally.table()], broken };
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      how: { type: 'string' },
      rounds: { type: 'string' },
      sockets: { type: 'string', default: '2000' },
      slow: { type: 'string', default: '4' },
      copies: { type: 'string', default: '100' },
      messages: { type: 'string', default: '6000' },
      by: { type: 'string', default: 'bytes' },
      seed: { type: 'string', default: '1' },
      inputs: { type: 'string', default: '100000' },
      target: { type: 'string', default: 'api' },
      rate: { type: 'string' },
      history: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return EXIT.clean;
  }
  if (positionals.join(' ') === 'fuzz') {
    const [inputs, seed] = [Number(values.inputs), Number(values.seed)];
    if (isCount(inputs) && Number.isInteger(seed) && isFuzzTarget(values.target)) {
      return (await runFuzz(values.target, inputs, seed)) ? EXIT.clean : EXIT.violation;
    }
    console.error(USAGE);
    return EXIT.usage;
  }
  const crowd = Object.entries(CROWD_MODES).find(([name]) => name === positionals.join(' '))?.[1];
  if (crowd !== undefined) {
    const [sockets, slow, rounds] = [values.sockets, values.slow, values.rounds ?? crowd.rounds].map(Number);
    const rate = Number(values.rate ?? crowd.rate);
    const how = (values.how ?? STORM_KINDS.join()).split(',');
    const isUsable = [sockets!, slow!, rounds!].every(isCount) && rate > 0 && rate <= RATE_MAX;
    if (!isUsable || !how.every(isStormKind)) {
      console.error(USAGE);
      return EXIT.usage;
    }
    const asked = { sockets: sockets!, slow: slow!, rounds: rounds!, rate, how };
    return (await crowd.run(asked, console.log)) ? EXIT.clean : EXIT.violation;
  }
  const mode = Object.entries(JUDGED_MODES).find(([name]) => name === positionals.join(' '))?.[1];
  const [rounds, copies, messages] = [Number(values.rounds ?? 10), Number(values.copies), Number(values.messages)];
  const seed = Number(values.seed);
  const rate = Number(values.rate ?? mode?.rate);
  const wellFormed =
    [rounds, copies, messages].every(isCount) && Number.isInteger(seed) && rate > 0 && rate <= RATE_MAX;
  const how = (values.how ?? 'kill,kill-all').split(',');
  const spread = SPREADS.find((one) => one === values.by);
  if (mode === undefined || !wellFormed || !how.every(isFaultKind) || spread === undefined) {
    console.error(USAGE);
    return EXIT.usage;
  }
  const say = (sentence: string): void => console.log(sentence);
  const output = { historyFile: values.history ?? null, keepData: values.keep, say };
  return judge(await mode.run({ rounds, copies, messages, seed, rate, how, spread, ...output }));
}

const isStormKind = (text: string): text is (typeof STORM_KINDS)[number] => STORM_KINDS.some((kind) => kind === text);
const isCount = (number: number): boolean => Number.isInteger(number) && number > 0;

function judge({ report, lines, broken }: Outcome): number {
  const { verdict, converged, invalid, scoreLine } = report;
  for (const { kind, what } of verdict.violations.slice(0, SHOWN_MAX)) console.log(`VIOLATION ${kind}: ${what}`);
  const others = [...broken, ...(converged ? [] : ['the nodes did not converge'])];
  for (const sentence of others) console.log(`VIOLATION ${sentence}`);
  for (const line of lines) console.log(line);
  if (invalid) console.log('INVALID: too little was acknowledged');
  console.log(scoreLine);
  if (verdict.violations.length + others.length > 0) return EXIT.violation;
  return invalid ? EXIT.invalid : EXIT.clean;
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
