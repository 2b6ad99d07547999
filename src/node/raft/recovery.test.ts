import { describe, expect, it } from 'vitest';
import {
  EMPTY_BYTES,
  EMPTY_CONF_STATE,
  EntryType,
  type LogIndex,
  type PeerId,
  type SnapshotMetadata,
  type Term,
} from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { ClusterId, StampMs } from '../../protocol/ids.ts';
import type { StateSnapshotHeader } from '../ports.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { MemoryStateStore } from '../../testing/store/memory-state-store.ts';
import { confStateOf, logRepair, storageForCore } from './recovery.ts';

const term = (value: number): Term => value as Term;
const index = (value: number): LogIndex => value as LogIndex;

const logOf = async (...terms: number[]): Promise<MemoryLogStore> => {
  const log = new MemoryLogStore();
  const entries = terms.map((value, i) => ({
    index: index(i + 1),
    term: term(value),
    type: EntryType.normal,
    data: EMPTY_BYTES,
  }));
  await new Promise<void>((resolve) => {
    log.append({ entries, hardState: { term: term(9), vote: 1 as PeerId, commit: index(1) } }, resolve);
  });
  return log;
};

const installed = async (at: number, ofTerm: number): Promise<MemoryStateStore> => {
  const metadata: SnapshotMetadata = { index: index(at), term: term(ofTerm), confState: confStateOf([1 as PeerId]) };
  const { stateHash } = new MemoryStateStore().openSnapshot().header;
  const header: StateSnapshotHeader = {
    format: 1,
    clusterId: 'C' as ClusterId,
    metadata,
    chainHash: new Uint8Array(32).fill(7),
    stampMs: 5 as StampMs,
    stateHash,
  };
  const state = new MemoryStateStore();
  const install = await state.beginInstall(header);
  await install.finish();
  return state;
};

const applied = (state: MemoryStateStore, at: number, ofTerm: number): MemoryStateStore => {
  state.begin().commit({ index: index(at), term: term(ofTerm), stampMs: 0 as StampMs });
  return state;
};

describe('logRepair', () => {
  it('has nothing to do when log and state agree', async () => {
    expect(logRepair(new MemoryLogStore(), new MemoryStateStore())).toBeUndefined();
    expect(logRepair(await logOf(1, 1, 2), applied(new MemoryStateStore(), 2, 1))).toBeUndefined();
  });

  it('restarts a log that ends before the snapshot which was installed', async () => {
    const log = await logOf(1, 1);
    const state = await installed(8, 3);
    const write = logRepair(log, state);
    expect(write?.snapshot?.metadata.index).toBe(8);
    await new Promise<void>((resolve) => log.append(write!, resolve));
    expect(log.firstIndex()).toBe(9);
    expect(log.term(index(8))).toBe(3);
    expect(log.chainHash(index(8))).toEqual(new Uint8Array(32).fill(7));
    expect(logRepair(log, state)).toBeUndefined();
  });

  it('restarts a longer log that contradicts the snapshot', async () => {
    const log = await logOf(1, 1, 1, 1);
    expect(logRepair(log, await installed(3, 2))?.snapshot?.metadata.index).toBe(3);
    expect(logRepair(log, await installed(3, 1))).toBeUndefined();
  });

  it('calls it damage when the log lacks what the state applied by itself', async () => {
    const log = await logOf(1, 1);
    expect(() => logRepair(log, applied(new MemoryStateStore(), 3, 1))).toThrow(ParleyError);
    expect(() => logRepair(log, applied(new MemoryStateStore(), 2, 2))).toThrow(ParleyError);
  });

  it('calls it damage when entries between state and log are gone', async () => {
    const log = await logOf(1, 1, 1, 1);
    log.compact(index(3));
    expect(() => logRepair(log, applied(new MemoryStateStore(), 2, 1))).toThrow(ParleyError);
  });
});

describe('storageForCore', () => {
  const founders = confStateOf([3, 1, 2] as PeerId[]);

  it('begins with the founders, and goes on with the membership of the state', async () => {
    const log = await logOf(1, 1);
    expect(storageForCore(log, new MemoryStateStore(), founders).initialState().confState.voters).toEqual([1, 2, 3]);
    const state = new MemoryStateStore();
    const confState = { ...EMPTY_CONF_STATE, voters: [1, 2] as PeerId[] };
    state.begin().commit({ index: index(1), term: term(1), stampMs: 0 as StampMs, confState });
    expect(storageForCore(log, state, founders).initialState().confState).toEqual(confState);
  });

  it('takes for committed what was applied', async () => {
    const storage = storageForCore(await logOf(1, 1, 1), applied(new MemoryStateStore(), 3, 1), founders);
    expect(storage.initialState().hardState).toEqual({ term: 9, vote: 1, commit: 3 });
  });
});
