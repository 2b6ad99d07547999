import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import type { LogIndex } from '../../consensus/types.ts';
import type { StateSnapshotHeader } from '../../node/ports.ts';
import { MultisetHash } from '../../node/store/multiset-hash.ts';
import { sortedChanges, type Row } from '../../node/store/row-merge.ts';
import { rowStreamBytes, writeRowForStream } from '../../node/store/row-stream.ts';
import type { StampMs } from '../../protocol/ids.ts';
import { crashSteps, rowOf, rowsOf, afterStep, EMPTY_MODEL, type CrashStep, type LogModel } from './crash-steps.ts';
import { TEST_FOUNDING, openMember } from './temporary-store.ts';

/**
 * A process that works on a store until it is done or killed: `DIR SEED STEPS`. Says `begin N` before it hands step N
 * to the store and `done N` once the store calls it done, each in one write, so that whoever reads knows what was
 * promised when the process ended. The commit index of a step is applied to the state.
 */
const [dir, seed, count] = process.argv.slice(2);
if (dir === undefined) throw new Error('usage: crash-workload DIR SEED STEPS');

/** Small buffers: memtables become tables, and cached entries are read again, all the time. The mark is synced often. */
const LIMITS = {
  writeBufferBytes: 64 * 1024,
  logCacheBytesMax: 20_000,
  recordBytesMax: 10_000,
  markSyncIntervalMs: 1,
};
const IN_FLIGHT_MAX = 3;
const CHUNK_BYTES = 500;

/** Steps that were begun and are not done yet. */
class InFlight {
  #count = 0;
  #wake: (() => void) | undefined;

  begin(): () => void {
    this.#count += 1;
    return () => {
      this.#count -= 1;
      this.#wake?.();
    };
  }

  async untilAtMost(count: number): Promise<void> {
    while (this.#count > count) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

const say = (text: string): void => void writeSync(1, `${text}\n`);

const store = await openMember(dir, LIMITS);
const inFlight = new InFlight();
let model: LogModel = EMPTY_MODEL;
let number = 0;
say('open');
for (const step of crashSteps(Number(seed), Number(count))) {
  number += 1;
  await take(step, number);
  model = afterStep(model, step);
}
await inFlight.untilAtMost(0);
await store.close();
say('closed');

async function take(step: CrashStep, at: number): Promise<void> {
  await inFlight.untilAtMost(step.kind === 'compact' ? 0 : IN_FLIGHT_MAX - 1);
  say(`begin ${at}`);
  if (step.kind === 'compact') await compact(step.index);
  else if (step.kind === 'install') await install(afterStep(model, step), at, inFlight.begin());
  else await append(step, at, inFlight.begin());
}

async function compact(index: LogIndex): Promise<void> {
  applyUpTo(index);
  await store.state.sync();
  store.log.compact(index);
}

async function append(step: CrashStep & { kind: 'append' }, at: number, finished: () => void): Promise<void> {
  store.log.append(step, () => {
    say(`done ${at}`);
    finished();
  });
  if (at % 3 !== 0) return;
  // Only what is durable, and known to be committed, is applied.
  await inFlight.untilAtMost(0);
  applyUpTo(step.hardState.commit);
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

/** As a follower does that is far behind: first the state, then the log. */
async function install({ entries }: LogModel, at: number, finished: () => void): Promise<void> {
  const { index, term } = entries.at(-1)!;
  const rows = sortedChanges(
    [...rowsOf(entries)].map(([key, value]): [string, Uint8Array] => [key, Buffer.from(value)]),
  ) as Row[];
  const hash = new MultisetHash();
  for (const [key, value] of rows) hash.add(key, value);
  const header: StateSnapshotHeader = {
    format: 1,
    clusterId: TEST_FOUNDING.clusterId,
    metadata: { index, term, confState: store.state.confState },
    chainHash: createHash('sha256').update(`snapshot ${index}`).digest(),
    stampMs: index as number as StampMs,
    stateHash: hash.hex(),
  };
  const stream = streamOf(rows);
  const receiving = await store.state.beginInstall(header);
  for (let from = 0; from < stream.length; from += CHUNK_BYTES) {
    await receiving.write(stream.subarray(from, from + CHUNK_BYTES));
  }
  await receiving.finish();
  store.log.append({ entries: [], snapshot: header }, () => {
    say(`done ${at}`);
    finished();
  });
}

function streamOf(rows: readonly Row[]): Buffer {
  const stream = Buffer.alloc(rows.reduce((bytes, row) => bytes + rowStreamBytes(row), 0));
  let at = 0;
  for (const row of rows) {
    writeRowForStream(row, stream, at);
    at += rowStreamBytes(row);
  }
  return stream;
}
