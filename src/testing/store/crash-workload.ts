import { writeSync } from 'node:fs';
import type { LogIndex } from '../../consensus/types.ts';
import type { StampMs } from '../../protocol/ids.ts';
import { crashSteps, rowOf, afterStep, EMPTY_MODEL, type CrashStep, type LogModel } from './crash-steps.ts';
import { openMember } from './temporary-store.ts';

/**
 * A process that works on a store until it is done or killed: `DIR SEED STEPS`. Says `begin N` before it hands step N
 * to the store and `done N` once the store calls it done, each in one write, so that whoever reads knows what was
 * promised when the process ended. The commit index of a step is applied to the state.
 */
const [dir, seed, count] = process.argv.slice(2);
if (dir === undefined) throw new Error('usage: crash-workload DIR SEED STEPS');

/** Small buffers: memtables become tables, and cached entries are read again, all the time. */
const LIMITS = { writeBufferBytes: 64 * 1024, logCacheBytesMax: 20_000, recordBytesMax: 10_000 };
const IN_FLIGHT_MAX = 3;

const say = (text: string): void => void writeSync(1, `${text}\n`);

const store = await openMember(dir, LIMITS);
let model: LogModel = EMPTY_MODEL;
let inFlight = 0;
let wake: (() => void) | undefined;
let number = 0;
say('open');
for (const step of crashSteps(Number(seed), Number(count))) {
  number += 1;
  await take(step, number);
  model = afterStep(model, step);
}
while (inFlight > 0) await someDone();
await store.close();
say('closed');

async function take(step: CrashStep, at: number): Promise<void> {
  while (inFlight >= (step.kind === 'compact' ? 1 : IN_FLIGHT_MAX)) await someDone();
  say(`begin ${at}`);
  if (step.kind === 'compact') {
    applyUpTo(step.index);
    await store.state.sync();
    store.log.compact(step.index);
    return;
  }
  inFlight += 1;
  store.log.append(step, () => {
    say(`done ${at}`);
    inFlight -= 1;
    wake?.();
  });
  if (at % 3 !== 0) return;
  // Only what is durable, and known to be committed, is applied.
  while (inFlight > 0) await someDone();
  applyUpTo(step.hardState.commit);
}

function someDone(): Promise<void> {
  return new Promise((resolve) => {
    wake = resolve;
  });
}

function applyUpTo(commit: LogIndex): void {
  while (store.state.appliedIndex < commit) {
    const entry = model.entries[store.state.appliedIndex]!;
    const [key, value] = rowOf(entry);
    const transaction = store.state.begin();
    transaction.put(key, Buffer.from(value));
    transaction.commit({ index: entry.index, term: entry.term, stampMs: entry.index as number as StampMs });
  }
}
