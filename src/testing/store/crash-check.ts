import assert from 'node:assert/strict';
import type { LogIndex } from '../../consensus/types.ts';
import { logRepair } from '../../node/raft/recovery.ts';
import type { LogWrite } from '../../node/ports.ts';
import type { IntactStore } from '../../node/store/node-store.ts';
import { openNodeStore } from '../../node/store/open-node-store.ts';
import { EMPTY_MODEL, afterStep, crashSteps, rowsOf, type CrashStep, type LogModel } from './crash-steps.ts';
import { insistIntact, optionsFor } from './temporary-store.ts';

/** What a workload had promised when it ended. */
export interface Promised {
  readonly open: boolean;
  /** Steps that were handed to the store. */
  readonly begun: number;
  /** Steps that were called done. */
  readonly done: number;
}

export const NOTHING_PROMISED: Promised = { open: false, begun: 0, done: 0 };

/** @param text whole lines of what the workload says */
export function hear(promised: Promised, text: string): Promised {
  let { open, begun, done } = promised;
  for (const line of text.split('\n')) {
    const [word, number] = line.split(' ');
    if (word === 'open') open = true;
    if (word === 'begin') begun = Number(number);
    if (word === 'done') done = Number(number);
  }
  return { open, begun, done };
}

export interface Expectation {
  readonly steps: readonly CrashStep[];
  /** `models[n]`: after `n` steps. */
  readonly models: readonly LogModel[];
}

export function expectationOf(seed: number, count: number): Expectation {
  const steps = [...crashSteps(seed, count)];
  const models = [EMPTY_MODEL];
  for (const step of steps) models.push(afterStep(models.at(-1)!, step));
  return { steps, models };
}

/**
 * Opens what a crash left behind, brings log and state together as a node does, and compares them with everything
 * that may be left; then once more, as the next start would find it.
 *
 * @throws AssertionError
 */
export async function checkImage(dir: string, promised: Promised, expectation: Expectation): Promise<void> {
  for (let start = 0; start < 2; start += 1) {
    const store = insistIntact(await openNodeStore(optionsFor(dir)));
    try {
      if (!promised.open) continue;
      assert(store.manifest !== undefined, 'the manifest is missing');
      checkLog(store, promised, expectation);
      await checkState(store, expectation.models[promised.begun]!);
      if (await repair(store)) checkLog(store, promised, expectation);
    } finally {
      await store.close();
    }
  }
}

/** The log is as it was after one of the steps from the last one that was done to the last one that was begun. */
function checkLog({ log }: IntactStore, { done, begun }: Promised, { models }: Expectation): void {
  const found = textOfLog(log);
  const possible = models.slice(done, begun + 1).map((model) => textOfModel(model, log.firstIndex()));
  if (!possible.includes(found)) assert.equal(found, possible[0]);
}

function textOfLog(log: IntactStore['log']): string {
  const { hardState } = log.initialState();
  const first = log.firstIndex();
  const entries = log.entries(first, (log.lastIndex() + 1) as LogIndex, Number.MAX_SAFE_INTEGER);
  assert(Array.isArray(entries));
  const texts = entries.map(
    ({ index, term, data }) => `${index} ${term} ${Buffer.from(data).toString('latin1', 0, 20)}`,
  );
  return [`term ${hardState.term} vote ${hardState.vote}`, ...texts].join('\n');
}

function textOfModel({ term, vote, entries }: LogModel, first: LogIndex): string {
  const texts = entries
    .slice(first - 1)
    .map((entry) => `${entry.index} ${entry.term} ${Buffer.from(entry.data).toString('latin1', 0, 20)}`);
  return [`term ${term} vote ${vote}`, ...texts].join('\n');
}

async function checkState({ state, log }: IntactStore, model: LogModel): Promise<void> {
  assert(state.appliedIndex >= log.firstIndex() - 1, 'entries between the state and the log are missing');
  const found = await state.range({ gte: 'row/', lt: 'row0', limit: 1000 });
  const texts = found.map(([key, value]) => [key, Buffer.from(value).toString()] as const);
  assert.deepEqual(new Map(texts), rowsOf(model.entries.slice(0, state.appliedIndex)));
}

/** Does the second half of installing a snapshot, when a crash came after the first. */
async function repair({ state, log }: IntactStore): Promise<boolean> {
  const write = logRepair(log, state);
  if (write === undefined) return false;
  await appended(log, write);
  assert.equal(log.firstIndex(), state.appliedIndex + 1);
  return true;
}

function appended(log: IntactStore['log'], write: LogWrite): Promise<void> {
  return new Promise((resolve) => log.append(write, resolve));
}
