import { afterEach, describe, expect, it } from 'vitest';
import { makeMessage, MessageType, type Message } from '../../consensus/message.ts';
import {
  EMPTY_BYTES,
  EMPTY_CONF_STATE,
  EntryType,
  type LogIndex,
  type PeerId,
  type Term,
} from '../../consensus/types.ts';
import type { ClusterId, NodeName, StampMs } from '../../protocol/ids.ts';
import { SingleStore } from '../../testing/store/single-stores.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { StateStore } from '../ports.ts';
import type { LevelStateStore } from '../store/level-state-store.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { MemoryStateStore } from '../../testing/store/memory-state-store.ts';
import { DEFAULT_RAFT_SETTINGS, type RaftSettings } from './raft-settings.ts';
import { decodeDescription, encodeRequest, type SnapshotId } from './snapshot-frames.ts';
import { decodePiece, type SnapshotPiece } from './snapshot-piece.ts';
import { SnapshotSender } from './snapshot-sender.ts';

const N2 = 'n2' as NodeName;
const P2 = 2 as PeerId;
const P3 = 3 as PeerId;
const TERM = 1 as Term;
const ROW = new Uint8Array(500);

class Bench {
  nowMs = 0;
  bytesBehind = 0;
  readonly match = new Map<PeerId, number>();
  readonly pieces: SnapshotPiece[] = [];
  readonly reports: string[] = [];
  readonly failures: string[] = [];
  readonly announced: Message[] = [];
  readonly fatal: unknown[] = [];
  readonly log = new MemoryLogStore();
  readonly sender: SnapshotSender;
  readonly state: StateStore;

  constructor(settings: Partial<RaftSettings> = {}, state: StateStore = new MemoryStateStore()) {
    this.state = state;
    this.sender = new SnapshotSender({
      boot: 7,
      clusterId: `C${'a'.repeat(26)}` as ClusterId,
      settings: { ...DEFAULT_RAFT_SETTINGS, ...settings },
      log: this.log,
      state,
      monotonicMs: () => this.nowMs,
      send: (_to, _kind, payload) => this.pieces.push(decodePiece(payload)),
      sendRaft: (messages) => this.announced.push(...messages),
      nameOf: (peer) => `n${peer}` as NodeName,
      onFailed: (reason) => this.failures.push(reason),
      reportSnapshot: (peer, ok) => this.reports.push(`${peer} ${ok ? 'ok' : 'failed'}`),
      matchOf: (peer) => this.match.get(peer) as LogIndex | undefined,
      onFatal: (error) => this.fatal.push(error),
    });
  }

  /** Appends and applies `count` entries, each of which writes a row. */
  grow(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const index = (this.log.lastIndex() + 1) as LogIndex;
      this.log.append({ entries: [{ index, term: TERM, type: EntryType.normal, data: EMPTY_BYTES }] }, () => {});
      const transaction = this.state.begin();
      transaction.put(`row/${index}`, ROW);
      transaction.commit({ index, term: TERM, stampMs: 0 as StampMs });
    }
  }

  prepare(peer: PeerId): SnapshotId | undefined {
    const metadata = { index: this.state.appliedIndex, term: TERM, confState: EMPTY_CONF_STATE };
    const snap = { to: peer, from: 1 as PeerId, term: TERM, snapshot: { metadata, data: EMPTY_BYTES } };
    const message: Message | undefined = this.sender.prepare(makeMessage(MessageType.snap, snap));
    return message?.snapshot && decodeDescription(message.snapshot.data).id;
  }

  pull(id: SnapshotId, first: number, { written = first, count = 1 } = {}): void {
    this.sender.onRequest(N2, encodeRequest({ kind: 'pull', id, written, first, count }));
  }

  finished(id: SnapshotId, ok: boolean): void {
    this.sender.onRequest(N2, encodeRequest({ kind: 'finished', id, ok }));
  }

  passTime(ms: number): void {
    this.nowMs += ms;
    this.sender.onTick(() => this.bytesBehind);
  }
}

describe('streaming', () => {
  const numbersOf = (bench: Bench): readonly number[] =>
    bench.pieces.map((piece) => (piece.kind === 'gone' ? -1 : piece.piece));

  it('brings bounded pieces in their order, and an end', async () => {
    const bench = new Bench({ snapshotChunkBytesMax: 4_096 });
    bench.grow(20);
    const id = bench.prepare(P2)!;
    for (let piece = 0; bench.pieces.at(-1)?.kind !== 'end'; piece += 1) {
      bench.pull(id, piece);
      await waitUntil(() => bench.pieces.length === piece + 1);
    }
    const rows = bench.pieces.filter((piece) => piece.kind === 'rows');
    expect(rows.length).toBeGreaterThan(2);
    expect(Math.max(...rows.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(4_096);
    expect(numbersOf(bench)).toEqual(bench.pieces.map((_, piece) => piece));
    bench.finished(id, true);
    expect(bench.reports).toEqual(['2 ok']);
  });

  it('has no more under way than the window holds, whatever is asked for', async () => {
    const bench = new Bench({ snapshotChunkBytesMax: 1_000, snapshotWindowPieces: 4 });
    bench.grow(20);
    const id = bench.prepare(P2)!;
    bench.pull(id, 0, { count: 1_000_000 });
    await waitUntil(() => bench.pieces.length === 4);
    // Time for more, if more came.
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(numbersOf(bench)).toEqual([0, 1, 2, 3]);
    bench.pull(id, 5, { written: 2 });
    await waitUntil(() => bench.pieces.length === 6);
    expect(numbersOf(bench)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('takes no more memory than the window, however long it goes on', async () => {
    const bench = new Bench({ snapshotChunkBytesMax: 1_000, snapshotWindowPieces: 4 });
    bench.grow(40);
    const rooms = new Set<ArrayBufferLike>();
    const openSnapshot = bench.state.openSnapshot.bind(bench.state);
    bench.state.openSnapshot = () => {
      const snapshot = openSnapshot();
      const nextChunk = snapshot.nextChunk.bind(snapshot);
      snapshot.nextChunk = (room) => {
        rooms.add(room.buffer);
        return nextChunk(room);
      };
      return snapshot;
    };
    const id = bench.prepare(P2)!;
    for (let piece = 0; bench.pieces.at(-1)?.kind !== 'end'; piece += 4) {
      const sent = bench.pieces.length;
      bench.pull(id, piece, { count: 4 });
      await waitUntil(() => bench.pieces.length === sent + 4 || bench.pieces.at(-1)?.kind === 'end');
    }
    expect(bench.pieces.length).toBeGreaterThan(12);
    expect(rooms.size).toBe(4);
  });

  it('sends again what was lost, but nothing that was written', async () => {
    const bench = new Bench({ snapshotChunkBytesMax: 1_000, snapshotWindowPieces: 4 });
    bench.grow(20);
    const id = bench.prepare(P2)!;
    bench.pull(id, 0, { count: 4 });
    await waitUntil(() => bench.pieces.length === 4);
    bench.pull(id, 2, { written: 2, count: 1 });
    expect(bench.pieces[4]).toEqual(bench.pieces[2]);
    bench.pull(id, 1, { written: 2, count: 1 });
    expect(numbersOf(bench)).toEqual([0, 1, 2, 3, 2]);
  });

  it('is told of again until its follower asks', () => {
    const bench = new Bench({ snapshotRetryMs: 100, snapshotIdleMs: 10_000 });
    bench.grow(1);
    const id = bench.prepare(P2)!;
    bench.passTime(99);
    expect(bench.announced).toEqual([]);
    bench.passTime(1);
    bench.passTime(100);
    expect(bench.announced.map(({ to, snapshot }) => [to, decodeDescription(snapshot!.data).id])).toEqual([
      [P2, id],
      [P2, id],
    ]);
    bench.pull(id, 0, { count: 0 });
    bench.passTime(1_000);
    expect(bench.announced.length).toBe(2);
  });

  it('is over when its follower has it, although the word of it was lost', () => {
    const bench = new Bench();
    bench.grow(10);
    const id = bench.prepare(P2)!;
    bench.match.set(P2, 9);
    bench.passTime(25);
    expect(bench.reports).toEqual([]);
    bench.match.set(P2, 10);
    bench.grow(10);
    bench.passTime(25);
    expect(bench.reports).toEqual(['2 ok']);
    // What goes on after it is kept all the same.
    expect(bench.sender.pinnedIndex).toBe(10);
    bench.pull(id, 0);
    expect(bench.pieces).toEqual([{ kind: 'gone', id }]);
  });

  it('ends at once when its follower starts anew', () => {
    const bench = new Bench();
    bench.grow(1);
    const [two, three] = [bench.prepare(P2)!, bench.prepare(P3)!];
    bench.sender.onPeerRestarted(P2);
    bench.pull(two, 0, { count: 0 });
    bench.pull(three, 0, { count: 0 });
    expect(bench.pieces).toEqual([{ kind: 'gone', id: two }]);
    expect(bench.prepare(P2)).toBeDefined();
  });

  it('is not begun again at once after a failure, and later after each further one', () => {
    const bench = new Bench({ snapshotPauseMs: 100, snapshotPauseMsMax: 300, snapshotIdleMs: 10_000 });
    bench.grow(1);
    for (const pauseMs of [100, 200, 300, 300]) {
      bench.finished(bench.prepare(P2)!, false);
      bench.passTime(pauseMs - 1);
      bench.reports.length = 0;
      expect(bench.prepare(P2)).toBeUndefined();
      expect(bench.prepare(P3)).toBeDefined();
      bench.passTime(1);
      expect(bench.reports).toEqual(['2 failed']);
    }
    expect(bench.failures[0]).toContain('n2');
    bench.finished(bench.prepare(P2)!, false);
    bench.sender.onPeerRestarted(P2);
    bench.finished(bench.prepare(P2)!, true);
    bench.finished(bench.prepare(P2)!, false);
    bench.passTime(100);
    expect(bench.prepare(P2)).toBeDefined();
  });

  it('says that what was closed is gone', () => {
    const bench = new Bench();
    bench.grow(1);
    const id = bench.prepare(P2)!;
    bench.finished(id, false);
    bench.pull(id, 0);
    expect(bench.pieces).toEqual([{ kind: 'gone', id }]);
    expect(bench.reports).toEqual(['2 failed']);
  });

  it('is given up when nobody asks any more', () => {
    const bench = new Bench({ snapshotIdleMs: 1_000 });
    bench.grow(1);
    bench.prepare(P2);
    bench.passTime(1_000);
    expect(bench.reports).toEqual([]);
    bench.passTime(1);
    expect(bench.reports).toEqual(['2 failed']);
    expect(bench.sender.pinnedIndex).toBeUndefined();
  });

  it('is given up when too much log would have to be kept', () => {
    const bench = new Bench({ snapshotPinBytesMax: 1_000 });
    bench.grow(1);
    bench.prepare(P2);
    bench.bytesBehind = 1_000;
    bench.passTime(1);
    expect(bench.reports).toEqual([]);
    bench.bytesBehind = 1_001;
    bench.passTime(1);
    expect(bench.reports).toEqual(['2 failed']);
    expect(bench.failures[0]).toContain('more than 1000 bytes');
    expect(bench.sender.pinnedIndex).toBeUndefined();
  });

  it('goes to so many at once; the others are told to ask later', () => {
    const bench = new Bench({ snapshotSessionsMax: 1 });
    bench.grow(1);
    expect(bench.prepare(P2)).toBeDefined();
    expect(bench.prepare(P3)).toBeUndefined();
    bench.passTime(1);
    expect(bench.reports).toEqual(['3 failed']);
    expect(bench.prepare(P2)).toBeDefined();
  });
});

describe('a view of a LevelDB state', () => {
  let store: SingleStore<LevelStateStore> | undefined;
  afterEach(async () => {
    await store?.remove();
    store = undefined;
  });

  it.each(['the follower gives up', 'the follower begins anew', 'too much log is kept', 'the node stops'])(
    'may be closed while it is read: %s',
    async (why) => {
      store = await SingleStore.state();
      const bench = new Bench({ snapshotPinBytesMax: 1_000 }, store.store);
      bench.grow(2_000);
      await store.store.sync();
      const id = bench.prepare(P2)!;
      bench.pull(id, 0);
      if (why === 'the follower gives up') bench.finished(id, false);
      else if (why === 'the follower begins anew') bench.prepare(P2);
      else if (why === 'the node stops') bench.sender.closeAll();
      else {
        bench.bytesBehind = 1_001;
        bench.passTime(1);
      }
      const next = bench.prepare(P3)!;
      bench.pull(next, 0);
      await waitUntil(() => bench.pieces.some((piece) => piece.id.number === next.number));
      expect(bench.fatal).toEqual([]);
      expect(bench.pieces.filter((piece) => piece.id.number === id.number)).toEqual([]);
      bench.sender.closeAll();
    },
  );
});

describe('the log behind a snapshot', () => {
  const streamed = (settings: Partial<RaftSettings> = {}): Bench => {
    const bench = new Bench(settings);
    bench.grow(10);
    const id = bench.prepare(P2)!;
    bench.grow(90);
    expect(bench.sender.pinnedIndex).toBe(10);
    bench.match.set(P2, 0);
    bench.finished(id, true);
    return bench;
  };

  it('is kept until its follower has read it', () => {
    const bench = streamed();
    expect(bench.sender.pinnedIndex).toBe(10);
    bench.match.set(P2, 60);
    bench.passTime(25);
    expect(bench.sender.pinnedIndex).toBe(60);
    bench.match.set(P2, 100);
    bench.passTime(25);
    expect(bench.sender.pinnedIndex).toBeUndefined();
  });

  it('is kept although there was none yet, until its follower has said that it goes on', () => {
    const bench = new Bench();
    bench.grow(10);
    bench.match.set(P2, 0);
    bench.finished(bench.prepare(P2)!, true);
    bench.passTime(25);
    bench.grow(10);
    expect(bench.sender.pinnedIndex).toBe(10);
    bench.match.set(P2, 20);
    bench.passTime(25);
    expect(bench.sender.pinnedIndex).toBeUndefined();
  });

  it('is not kept for a follower that stands still', () => {
    const bench = streamed({ snapshotIdleMs: 1_000 });
    bench.passTime(900);
    bench.match.set(P2, 60);
    bench.passTime(900);
    bench.passTime(900);
    expect(bench.sender.pinnedIndex).toBe(60);
    bench.passTime(101);
    expect(bench.sender.pinnedIndex).toBeUndefined();
  });

  it('is not kept beyond its bound, nor by whoever no longer leads', () => {
    const long = streamed({ snapshotPinBytesMax: 1_000 });
    long.bytesBehind = 1_001;
    long.passTime(25);
    expect(long.sender.pinnedIndex).toBeUndefined();
    const deposed = streamed();
    deposed.match.clear();
    deposed.passTime(25);
    expect(deposed.sender.pinnedIndex).toBeUndefined();
  });

  it('is not kept after a snapshot that failed', () => {
    const bench = new Bench();
    bench.grow(10);
    bench.match.set(P2, 0);
    bench.finished(bench.prepare(P2)!, false);
    expect(bench.sender.pinnedIndex).toBeUndefined();
  });
});
