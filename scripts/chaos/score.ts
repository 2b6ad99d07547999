import { createHash } from 'node:crypto';
import type { Verdict } from './checker.ts';
import type { HistoryRecord, HistoryRecorder } from './history.ts';
import type { Distribution } from './percentiles.ts';

const OK_RATE_MIN = 0.6;
const DIGEST_LETTERS = 12;

/** Too little was acknowledged for the verdict to mean anything. */
export function isInvalid({ ok, fail, info }: Verdict): boolean {
  return ok < OK_RATE_MIN * (ok + fail + info);
}

/** One line that says how a run went, and which one it was. */
export function scoreLine(
  { records }: Pick<HistoryRecorder, 'records'>,
  { counts, ok, fail, info }: Verdict,
  run: {
    readonly seed: number;
    readonly faults: { readonly kinds: number; readonly count: number };
    readonly times: { readonly of: string; readonly ms: Distribution };
  },
): string {
  const { p50, p99, max } = run.times.ms;
  return [
    `faults=${run.faults.kinds} kinds/${run.faults.count}`,
    `ops=${ok + fail + info} ${ok}/${fail}/${info}`,
    Object.entries(counts)
      .map(([kind, count]) => `${kind}=${count}`)
      .join(' '),
    `${run.times.of} ${[p50, p99, max].map((value) => value.toFixed(0)).join('/')} ms`,
    `${run.seed} ${digestOf(records)}`,
  ].join(' | ');
}

/** One by one: a long history is more than fits into one text. */
function digestOf(records: readonly HistoryRecord[]): string {
  const hash = createHash('sha256');
  for (const record of records) hash.update(`${JSON.stringify(record)}\n`);
  return hash.digest('hex').slice(0, DIGEST_LETTERS);
}
