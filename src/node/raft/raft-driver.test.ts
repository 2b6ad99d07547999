import { beforeEach, describe, expect, it } from 'vitest';
import { makeMessage, MessageType, type Message, type MessageFields } from '../../consensus/message.ts';
import { MemoryLogStorage } from '../../consensus/memory-log-storage.ts';
import { RawNode } from '../../consensus/raw-node.ts';
import {
  EMPTY_BYTES,
  EMPTY_CONF_STATE,
  EntryType,
  type Entry,
  type LogIndex,
  type PeerId,
  type Term,
} from '../../consensus/types.ts';
import type { Done, LogStore, LogWrite } from '../ports.ts';
import { RaftDriver } from './raft-driver.ts';

const SELF = 1 as PeerId;
const P2 = 2 as PeerId;
const CONF = { ...EMPTY_CONF_STATE, voters: [SELF, P2, 3 as PeerId] };

const entry = (index: number, term: number): Entry => ({
  index: index as LogIndex,
  term: term as Term,
  type: EntryType.normal,
  data: EMPTY_BYTES,
});

class FoundedStorage extends MemoryLogStorage {
  override initialState(): ReturnType<MemoryLogStorage['initialState']> {
    return { ...super.initialState(), confState: CONF };
  }
}

/** The real core behind the driver, with a disk that writes when the test says so. */
class Bench {
  readonly storage = new FoundedStorage();
  readonly writes: { readonly write: LogWrite; readonly done: Done }[] = [];
  readonly sent: Message[] = [];
  readonly applied: number[] = [];
  readonly fatal: unknown[] = [];
  readonly diskWasFree: boolean[] = [];
  readonly node: RawNode;
  readonly driver: RaftDriver;
  /** Before the core is handed anything. */
  onInput: () => void = () => {};
  finishInstall: () => void = () => {};
  installed = 0;
  #turns: (() => void)[] = [];

  constructor() {
    this.node = new RawNode({
      id: SELF,
      storage: this.storage,
      random: () => 0,
      electionTicks: 10,
      heartbeatTicks: 1,
      asyncStorageWrites: true,
      maxBytesPerMessage: 65_536,
      maxInflightMessages: 64,
      checkQuorum: true,
      preVote: true,
    });
    this.driver = new RaftDriver({
      self: SELF,
      node: this.node,
      log: { append: (write: LogWrite, done: Done) => this.#accept(write, done) } as LogStore,
      initialView: { term: 0 as Term, commit: 0 as LogIndex },
      roundsPerTurnMax: 16,
      defer: (turn) => this.#turns.push(turn),
      sendRaft: (messages) => this.sent.push(...messages),
      prepareSnapshot: (message) => message,
      beforeInput: () => this.onInput(),
      beforeReady: (diskIsFree) => this.diskWasFree.push(diskIsFree),
      onView: () => {},
      onReadStates: () => {},
      apply: (entries, done) => {
        this.applied.push(...entries.map(({ index }) => index));
        done();
      },
      whenApplierIsIdle: (callback) => callback(),
      takeSnapshot: ({ snapshot }) =>
        snapshot && {
          header: {
            format: 1,
            clusterId: `C${'a'.repeat(26)}`,
            metadata: snapshot.metadata,
            chainHash: new Uint8Array(32),
            stampMs: 0,
            stateHash: '',
          } as never,
          finish: () =>
            new Promise((resolve) => {
              this.finishInstall = resolve;
            }),
          report: () => {},
        },
      onInstalled: (index) => (this.installed = index),
      onDisk: () => {},
      onFatal: (error) => this.fatal.push(error),
    });
  }

  #accept(write: LogWrite, done: Done): void {
    if (write.snapshot !== undefined) {
      this.storage.applySnapshot({ metadata: write.snapshot.metadata, data: EMPTY_BYTES });
    }
    if (write.hardState !== undefined) this.storage.setHardState(write.hardState);
    this.storage.append(write.entries);
    this.writes.push({ write, done });
  }

  receive(type: MessageType, fields: MessageFields): void {
    this.driver.input((node) => void node.step(makeMessage(type, { to: SELF, from: P2, ...fields })));
    this.turn();
  }

  turn(): void {
    for (const turn of this.#turns.splice(0)) turn();
  }

  /** The oldest write that is not done becomes durable. */
  written(): LogWrite | undefined {
    const next = this.writes.shift();
    next?.done();
    this.turn();
    return next?.write;
  }

  /** Types of what was sent since the last question. */
  sentTypes(): readonly string[] {
    return this.sent.splice(0).map(({ type }) => type);
  }

  becomeLeader(): void {
    for (let tick = 0; tick < 10; tick += 1) this.driver.inputNow((node) => node.tick());
    this.written();
    this.receive(MessageType.preVoteResp, { term: 1 as Term });
    this.written();
    this.receive(MessageType.voteResp, { term: 1 as Term });
  }
}

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

const T1 = 1 as Term;
const append = (from: number, count: number, term = T1, commit = 0): MessageFields => ({
  term,
  index: (from - 1) as LogIndex,
  logTerm: (from === 1 ? 0 : 1) as Term,
  entries: Array.from({ length: count }, (_, i) => entry(from + i, term)),
  commit: commit as LogIndex,
});

describe('before the core is handed anything', () => {
  it('whoever has to know it is told, in the same turn', () => {
    let told = 0;
    bench.onInput = () => (told += 1);
    const isTold = (act: () => void): boolean => {
      told = 0;
      act();
      return told > 0;
    };
    let toldWithin = 0;
    bench.driver.input(() => (toldWithin = told));
    expect(toldWithin).toBe(1);
    bench.driver.inputNow(() => (toldWithin = told));
    expect(toldWithin).toBeGreaterThan(1);
    bench.receive(MessageType.app, append(1, 2));
    expect(isTold(() => bench.written())).toBe(true);
    // Reads and proposals are handed in by the turn itself.
    bench.driver.schedule();
    expect(isTold(() => bench.turn())).toBe(true);
  });
});

describe('a follower', () => {
  it('acknowledges entries when they are on disk, but its leader’s heartbeats at once', () => {
    bench.receive(MessageType.app, append(1, 2));
    expect(bench.sentTypes()).toEqual([]);
    bench.receive(MessageType.heartbeat, { term: T1 });
    expect(bench.sentTypes()).toEqual([MessageType.heartbeatResp]);
    const write = bench.written();
    expect(write?.entries.map(({ index }) => index)).toEqual([1, 2]);
    expect(write?.hardState).toMatchObject({ term: 1 });
    expect(bench.sentTypes()).toEqual([MessageType.appResp]);
  });

  it('grants a vote when that is on disk', () => {
    bench.receive(MessageType.vote, { term: T1 });
    expect(bench.sentTypes()).toEqual([]);
    expect(bench.written()?.hardState).toMatchObject({ term: 1, vote: P2 });
    expect(bench.sentTypes()).toEqual([MessageType.voteResp]);
  });

  it('answers in the order of its writes, also what needs no write of its own', () => {
    bench.receive(MessageType.app, append(1, 1));
    bench.receive(MessageType.app, append(2, 1));
    bench.receive(MessageType.app, append(1, 1));
    expect(bench.writes.length).toBe(3);
    expect(bench.sentTypes()).toEqual([]);
    bench.written();
    bench.written();
    expect(bench.sent.splice(0).map(({ index }) => index)).toEqual([1, 2]);
    bench.written();
    expect(bench.sent.map(({ index }) => index)).toEqual([1]);
  });

  it('applies what is committed only once it is on its own disk', () => {
    bench.receive(MessageType.app, append(1, 2, T1, 2));
    expect(bench.applied).toEqual([]);
    bench.written();
    expect(bench.applied).toEqual([1, 2]);
  });

  it('installs a snapshot as state, then as log, and lets nothing overtake it', async () => {
    const metadata = { index: 9 as LogIndex, term: T1, confState: CONF };
    bench.receive(MessageType.snap, { term: T1, snapshot: { metadata, data: EMPTY_BYTES } });
    expect(bench.driver.installing).toBe(true);
    bench.receive(MessageType.app, append(10, 1));
    expect(bench.writes).toEqual([]);
    expect(bench.sentTypes()).toEqual([]);
    bench.finishInstall();
    await Promise.resolve();
    bench.turn();
    expect(bench.installed).toBe(9);
    expect(bench.driver.installing).toBe(false);
    expect(bench.sentTypes()).toEqual([]);
    expect(bench.written()?.snapshot?.metadata.index).toBe(9);
    expect(bench.sent.splice(0).map(({ index }) => index)).toEqual([9]);
    expect(bench.written()?.entries.map(({ index }) => index)).toEqual([10]);
    expect(bench.sent.map(({ index }) => index)).toEqual([10]);
  });
});

describe('a leader', () => {
  it('sends entries while it writes them, and counts itself only afterwards', () => {
    bench.becomeLeader();
    expect(bench.sentTypes().filter((type) => type === MessageType.app).length).toBe(2);
    bench.receive(MessageType.appResp, { term: T1, index: 1 as LogIndex });
    // One follower and nobody else: no majority.
    expect(bench.driver.view.commit).toBe(0);
    bench.written();
    expect(bench.driver.view.commit).toBe(1);
    expect(bench.applied).toEqual([1]);
  });

  it('is told whether its disk is free for more', () => {
    bench.becomeLeader();
    expect(bench.diskWasFree.at(-1)).toBe(false);
    while (bench.writes.length > 0) bench.written();
    expect(bench.diskWasFree.at(-1)).toBe(true);
  });
});

describe('the end', () => {
  it('of a driver is the end of its answers', () => {
    bench.receive(MessageType.app, append(1, 1, T1, 1));
    bench.driver.stop();
    bench.written();
    bench.receive(MessageType.heartbeat, { term: T1 });
    expect(bench.sent).toEqual([]);
    expect(bench.applied).toEqual([]);
  });

  it('comes with a broken promise, which is reported once', () => {
    bench.receive(MessageType.heartbeat, { term: T1, commit: 7 as LogIndex });
    bench.receive(MessageType.heartbeat, { term: T1, commit: 7 as LogIndex });
    expect(bench.fatal.length).toBe(1);
    expect(String(bench.fatal[0])).toContain('acknowledged entries were lost');
    expect(bench.sent).toEqual([]);
  });
});
