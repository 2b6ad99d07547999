import { strict as assert } from 'node:assert';
import { makeMessage, MessageType, type Message } from '../../consensus/message.ts';
import type { LogIndex, PeerId, Snapshot } from '../../consensus/types.ts';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import type { LogStore, StateSnapshotHeader, StateStore } from '../ports.ts';
import { CatchUpHolds } from './catch-up-holds.ts';
import type { RaftSettings } from './raft-settings.ts';
import { decodeRequest, encodeDescription, sameSnapshot, type SnapshotId } from './snapshot-frames.ts';
import { encodePiece } from './snapshot-piece.ts';
import { SnapshotPauses } from './snapshot-pauses.ts';
import { SnapshotStream } from './snapshot-stream.ts';

export interface SnapshotSenderEnv {
  readonly boot: number;
  readonly clusterId: ClusterId;
  readonly settings: RaftSettings;
  readonly log: LogStore;
  readonly state: StateStore;
  readonly monotonicMs: () => number;
  readonly send: (to: NodeName, kind: 'snapshot-chunk', payload: Uint8Array) => void;
  /** Sends a `MsgSnap` once more. */
  readonly sendRaft: (messages: readonly Message[]) => void;
  readonly nameOf: (peer: PeerId) => NodeName | undefined;
  readonly reportSnapshot: (peer: PeerId, ok: boolean) => void;
  /** How far the peer's log is known to be that of this leader; undefined when this node does not lead it. */
  readonly matchOf: (peer: PeerId) => LogIndex | undefined;
  /** Told, in a sentence, why a snapshot did not arrive. */
  readonly onFailed: (reason: string) => void;
  readonly onFatal: (error: unknown) => void;
}

interface Session {
  readonly id: SnapshotId;
  readonly peer: PeerId;
  /** Describes the snapshot to the follower. */
  readonly message: Message;
  readonly stream: SnapshotStream;
  readonly index: LogIndex;
  /** Whether the follower has asked for anything yet. */
  isKnown: boolean;
  announcedAtMs: number;
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
  readonly #pauses: SnapshotPauses;
  #refusedPeers: PeerId[] = [];
  #lastNumber = 0;

  constructor(env: SnapshotSenderEnv) {
    this.#env = env;
    const { settings, monotonicMs, matchOf, log } = env;
    this.#holds = new CatchUpHolds({ settings, monotonicMs, matchOf, lastIndex: () => log.lastIndex() });
    this.#pauses = new SnapshotPauses(settings, monotonicMs);
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
   * undefined when too many are open, or the last one to this peer has just failed: the core will hear on the next
   * tick that this one failed, too.
   */
  prepare(message: Message): Message | undefined {
    const peer = message.to;
    this.#closeWhere((session) => session.peer === peer);
    this.#holds.release(peer);
    if (this.#sessions.length >= this.#env.settings.snapshotSessionsMax || this.#pauses.isPausing(peer)) {
      this.#refusedPeers.push(peer);
      return undefined;
    }
    const session = this.#open(message);
    this.#sessions.push(session);
    return session.message;
  }

  /** Opens the state for a peer that has asked for it, and describes it. Undefined when too many are open. */
  offer(peer: PeerId): Snapshot | undefined {
    this.#closeWhere((session) => session.peer === peer);
    this.#holds.release(peer);
    if (this.#sessions.length >= this.#env.settings.snapshotSessionsMax) return undefined;
    const session = { ...this.#open(makeMessage(MessageType.snap, { to: peer })), isKnown: true };
    this.#sessions.push(session);
    return session.message.snapshot;
  }

  #open(message: Message): Session {
    const { boot, clusterId, log, state, monotonicMs } = this.#env;
    const snapshot = state.openSnapshot();
    const { metadata } = snapshot.header;
    assert(metadata.index >= (message.snapshot?.metadata.index ?? 0), 'the state went back');
    this.#lastNumber += 1;
    const id: SnapshotId = { boot, number: this.#lastNumber };
    const header: StateSnapshotHeader = { ...snapshot.header, clusterId, chainHash: log.chainHash(metadata.index) };
    const nowMs = monotonicMs();
    return {
      id,
      peer: message.to,
      message: { ...message, snapshot: { metadata, data: encodeDescription(id, header) } },
      stream: this.#stream(id, message.to, snapshot),
      index: metadata.index,
      isKnown: false,
      announcedAtMs: nowMs,
      usedAtMs: nowMs,
    };
  }

  #stream(id: SnapshotId, peer: PeerId, snapshot: ReturnType<StateStore['openSnapshot']>): SnapshotStream {
    const { settings, send, nameOf, onFatal } = this.#env;
    return new SnapshotStream({
      id,
      snapshot,
      chunkBytesMax: settings.snapshotChunkBytesMax,
      windowPieces: settings.snapshotWindowPieces,
      send: (piece) => {
        const name = nameOf(peer);
        if (name !== undefined) send(name, 'snapshot-chunk', encodePiece(piece));
      },
      onFatal,
    });
  }

  /** @throws ParleyError `bad_request` */
  onRequest(from: NodeName, payload: Uint8Array): void {
    const request = decodeRequest(payload);
    const session = this.#sessions.find(({ id }) => sameSnapshot(id, request.id));
    if (session === undefined) {
      const gone = request.kind === 'pull';
      if (gone) this.#env.send(from, 'snapshot-chunk', encodePiece({ kind: 'gone', id: request.id }));
    } else if (request.kind === 'pull') {
      session.isKnown = true;
      session.usedAtMs = this.#env.monotonicMs();
      session.stream.onPull(request);
    } else if (request.ok) this.#succeed(session);
    else this.#fail(session, 'it was refused or given up there');
  }

  #succeed(session: Session): void {
    const { peer, index } = session;
    this.#closeWhere((other) => other === session);
    this.#pauses.forget(peer);
    this.#holds.add(peer, index);
    this.#env.reportSnapshot(peer, true);
  }

  #fail(session: Session, reason: string): void {
    const { peer } = session;
    this.#closeWhere((other) => other === session);
    this.#pauses.onFailed(peer);
    this.#env.onFailed(`The snapshot for ${this.#env.nameOf(peer) ?? `peer ${peer}`} did not arrive: ${reason}.`);
    this.#env.reportSnapshot(peer, false);
  }

  /** Another process of the peer takes part, and begins anew: what the old one was receiving is of no use to it. */
  onPeerRestarted(peer: PeerId): void {
    this.#pauses.forget(peer);
    this.#closeWhere((session) => session.peer === peer);
  }

  /** `bytesBehind` tells how many bytes of log lie after an index. */
  onTick(bytesBehind: (index: LogIndex) => number): void {
    for (const peer of this.#refusedPeers.splice(0)) this.#env.reportSnapshot(peer, false);
    this.#holds.onTick(bytesBehind);
    const nowMs = this.#env.monotonicMs();
    for (const session of this.#sessions) {
      const reason = this.#reasonToEnd(session, nowMs, bytesBehind);
      // It has arrived, even if the word of it was lost.
      if ((this.#env.matchOf(session.peer) ?? -1) >= session.index) this.#succeed(session);
      else if (reason !== undefined) this.#fail(session, reason);
      else this.#announceAgain(session, nowMs);
    }
  }

  #reasonToEnd(
    { usedAtMs, index }: Session,
    nowMs: number,
    bytesBehind: (index: LogIndex) => number,
  ): string | undefined {
    const { snapshotIdleMs, snapshotPinBytesMax } = this.#env.settings;
    if (nowMs - usedAtMs > snapshotIdleMs) return `nothing was heard of it for ${snapshotIdleMs} ms`;
    if (bytesBehind(index) <= snapshotPinBytesMax) return undefined;
    return `more than ${snapshotPinBytesMax} bytes were written meanwhile`;
  }

  /** The message that tells of the snapshot may have been lost. */
  #announceAgain(session: Session, nowMs: number): void {
    if (session.isKnown || nowMs - session.announcedAtMs < this.#env.settings.snapshotRetryMs) return;
    session.announcedAtMs = nowMs;
    this.#env.sendRaft([session.message]);
  }

  /** Nobody is streamed to any more: this node ends, or its own state is about to be replaced. */
  closeAll(): void {
    this.#closeWhere(() => true);
    this.#holds.releaseAll();
  }

  #closeWhere(which: (session: Session) => boolean): readonly Session[] {
    const closed = this.#sessions.filter(which);
    this.#sessions = this.#sessions.filter((session) => !which(session));
    for (const { stream } of closed) stream.close();
    return closed;
  }
}
