import { strict as assert } from 'node:assert';
import type { Message } from '../../consensus/message.ts';
import type { LogIndex, PeerId } from '../../consensus/types.ts';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import type { LogStore, StateSnapshot, StateSnapshotHeader, StateStore } from '../ports.ts';
import { CatchUpHolds } from './catch-up-holds.ts';
import type { RaftSettings } from './raft-settings.ts';
import {
  decodeRequest,
  encodeDescription,
  encodePiece,
  sameSnapshot,
  type SnapshotId,
  type SnapshotPiece,
} from './snapshot-frames.ts';

export interface SnapshotSenderEnv {
  readonly boot: number;
  readonly clusterId: ClusterId;
  readonly settings: RaftSettings;
  readonly log: LogStore;
  readonly state: StateStore;
  readonly monotonicMs: () => number;
  readonly send: (to: NodeName, kind: 'snapshot-chunk', payload: Uint8Array) => void;
  readonly reportSnapshot: (peer: PeerId, ok: boolean) => void;
  /** How far the peer's log is known to be that of this leader; undefined when this node does not lead it. */
  readonly matchOf: (peer: PeerId) => LogIndex | undefined;
  readonly onFatal: (error: unknown) => void;
}

interface Session {
  readonly id: SnapshotId;
  readonly peer: PeerId;
  readonly snapshot: StateSnapshot;
  readonly index: LogIndex;
  /** The piece that was read last; a follower that lost it may ask once more. */
  last: SnapshotPiece | undefined;
  reading: boolean;
  usedAtMs: number;
}

/**
 * The leader's side of bringing its state to a follower that needs entries which were compacted. The view of the
 * state is opened when the core says so and stays open while the follower pulls; as long as it is, and until the
 * follower has caught up, the log behind it is kept.
 */
export class SnapshotSender {
  readonly #env: SnapshotSenderEnv;
  #sessions: Session[] = [];
  readonly #holds: CatchUpHolds;
  #failedPeers: PeerId[] = [];
  #lastNumber = 0;

  constructor(env: SnapshotSenderEnv) {
    this.#env = env;
    const { settings, monotonicMs, matchOf, log } = env;
    this.#holds = new CatchUpHolds({ settings, monotonicMs, matchOf, lastIndex: () => log.lastIndex() });
  }

  /** The log after this index must stay; undefined when nobody needs it. */
  get pinnedIndex(): LogIndex | undefined {
    return this.#sessions.reduce<LogIndex | undefined>(
      (min, { index }) => (min === undefined || index < min ? index : min),
      this.#holds.lowestIndex,
    );
  }

  /**
   * Opens the state for the peer that `message` (a `MsgSnap`) goes to, and describes it in the message. Returns
   * undefined when too many are open: the core will hear on the next tick that it failed.
   */
  prepare(message: Message): Message | undefined {
    const peer = message.to;
    this.#closeWhere((session) => session.peer === peer);
    this.#holds.release(peer);
    if (this.#sessions.length >= this.#env.settings.snapshotSessionsMax) {
      this.#failedPeers.push(peer);
      return undefined;
    }
    const snapshot = this.#env.state.openSnapshot();
    const { metadata } = snapshot.header;
    assert(message.snapshot !== undefined && metadata.index >= message.snapshot.metadata.index, 'the state went back');
    this.#lastNumber += 1;
    const id: SnapshotId = { boot: this.#env.boot, number: this.#lastNumber };
    const { log, clusterId } = this.#env;
    const header: StateSnapshotHeader = { ...snapshot.header, clusterId, chainHash: log.chainHash(metadata.index) };
    const usedAtMs = this.#env.monotonicMs();
    this.#sessions.push({ id, peer, snapshot, index: metadata.index, last: undefined, reading: false, usedAtMs });
    return { ...message, snapshot: { metadata, data: encodeDescription(id, header) } };
  }

  /** @throws ParleyError `bad_request` */
  onRequest(from: NodeName, payload: Uint8Array): void {
    const request = decodeRequest(payload);
    const session = this.#sessions.find(({ id }) => sameSnapshot(id, request.id));
    if (request.kind === 'finished') {
      if (session === undefined) return;
      this.#closeWhere((other) => other === session);
      if (request.ok) this.#holds.add(session.peer, session.index);
      this.#env.reportSnapshot(session.peer, request.ok);
    } else if (session === undefined) {
      this.#env.send(from, 'snapshot-chunk', encodePiece({ kind: 'gone', id: request.id }));
    } else {
      session.usedAtMs = this.#env.monotonicMs();
      this.#pull(from, session, request.piece);
    }
  }

  #pull(from: NodeName, session: Session, piece: number): void {
    const lastPiece = session.last === undefined || session.last.kind === 'gone' ? -1 : session.last.piece;
    if (piece === lastPiece && session.last !== undefined) {
      this.#env.send(from, 'snapshot-chunk', encodePiece(session.last));
      return;
    }
    // Anything but the next piece is a question that was overtaken.
    if (piece !== lastPiece + 1 || session.reading || session.last?.kind === 'end') return;
    session.reading = true;
    session.snapshot.nextChunk(this.#env.settings.snapshotChunkBytesMax).then(
      (bytes) => {
        session.reading = false;
        if (!this.#sessions.includes(session)) return;
        const { id } = session;
        session.last = bytes === undefined ? { kind: 'end', id, piece } : { kind: 'rows', id, piece, bytes };
        this.#env.send(from, 'snapshot-chunk', encodePiece(session.last));
      },
      (error: unknown) => {
        // A view that was closed under the reading cannot be read on; that is no fault of the state.
        if (this.#sessions.includes(session)) this.#env.onFatal(error);
      },
    );
  }

  /** `bytesBehind` tells how many bytes of log lie after an index. */
  onTick(bytesBehind: (index: LogIndex) => number): void {
    const { settings, monotonicMs, reportSnapshot } = this.#env;
    for (const peer of this.#failedPeers.splice(0)) reportSnapshot(peer, false);
    this.#holds.onTick(bytesBehind);
    if (this.#sessions.length === 0) return;
    const nowMs = monotonicMs();
    const over = this.#closeWhere(
      ({ usedAtMs, index }) =>
        nowMs - usedAtMs > settings.snapshotIdleMs || bytesBehind(index) > settings.snapshotPinBytesMax,
    );
    for (const { peer } of over) reportSnapshot(peer, false);
  }

  /** Nobody is streamed to any more: this node ends, or its own state is about to be replaced. */
  closeAll(): void {
    this.#closeWhere(() => true);
    this.#holds.releaseAll();
  }

  #closeWhere(which: (session: Session) => boolean): readonly Session[] {
    const closed = this.#sessions.filter(which);
    this.#sessions = this.#sessions.filter((session) => !which(session));
    for (const { snapshot } of closed) snapshot.close().catch(this.#env.onFatal);
    return closed;
  }
}
