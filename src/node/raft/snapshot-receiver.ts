import type { Message } from '../../consensus/message.ts';
import type { LogIndex, Snapshot, SnapshotMetadata, Term } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import type { StateInstall, StateSnapshotHeader, StateStore } from '../ports.ts';
import type { RaftSettings } from './raft-settings.ts';
import {
  decodeDescription,
  encodeRequest,
  headerOf,
  sameSnapshot,
  SNAPSHOT_FORMAT,
  type SnapshotDescription,
  type SnapshotId,
} from './snapshot-frames.ts';
import { decodePiece, type SnapshotPiece } from './snapshot-piece.ts';
import { SnapshotPull } from './snapshot-pull.ts';

export interface SnapshotReceiverEnv {
  readonly clusterId: ClusterId;
  readonly settings: RaftSettings;
  readonly state: StateStore;
  readonly monotonicMs: () => number;
  readonly send: (to: NodeName, kind: 'snapshot-request', payload: Uint8Array) => void;
  readonly commitIndex: () => LogIndex;
  readonly term: () => Term;
  /** Gives `MsgSnap` to the core and lets it act, which may `take` the install. */
  readonly stepSnapshot: (message: Message) => void;
  /** All of what `fetch` was called for is there; what is not used at once is dropped. */
  readonly onFetched: (staged: StagedSnapshot) => void;
  /** Told, in a sentence, why a snapshot was not taken. */
  readonly onFailed: (reason: string) => void;
  readonly onFatal: (error: unknown) => void;
}

export interface StagedSnapshot {
  readonly header: StateSnapshotHeader;
  /** Replaces the state. */
  readonly finish: () => Promise<void>;
  /** Tells the sender how it ended. */
  readonly report: (ok: boolean) => void;
}

interface Transfer {
  readonly from: NodeName;
  readonly id: SnapshotId;
  readonly header: StateSnapshotHeader;
  readonly pull: SnapshotPull;
  /** What the core hears once all is there; undefined for a state that only this node asked for. */
  message: Message | undefined;
  install: StateInstall | undefined;
  phase: 'opening' | 'waiting' | 'writing' | 'complete' | 'taken' | 'finishing';
}

/**
 * The follower's side: `MsgSnap` only describes the leader's state. Its rows are pulled, a bounded window of pieces
 * at a time, into a staging area beside the live state; only when all are there does the core learn of the snapshot, and only if
 * the core still wants it does it replace anything.
 */
export class SnapshotReceiver {
  readonly #env: SnapshotReceiverEnv;
  #transfer: Transfer | undefined;
  /** The last one that was refused after a look at its rows. */
  #refused: Pick<Transfer, 'from' | 'id'> | undefined;
  /** What the store was asked to do and has not done yet. */
  #running = 0;
  #onIdle: (() => void) | undefined;

  constructor(env: SnapshotReceiverEnv) {
    this.#env = env;
  }

  get receiving(): boolean {
    return this.#transfer !== undefined;
  }

  /** @throws ParleyError `bad_request`, `unsupported_version` */
  onSnap(message: Message, from: NodeName): void {
    const { snapshot } = message;
    if (snapshot === undefined) return;
    if (snapshot.metadata.index <= this.#env.commitIndex() || message.term < this.#env.term()) {
      // The core only answers how far it is, or nothing to a leader of the past.
      this.#env.stepSnapshot(message);
      return;
    }
    const description = decodeDescription(snapshot.data);
    const refusal = this.#refusalOf(description);
    if (refusal !== undefined) {
      this.#env.onFailed(`A snapshot of ${from} is refused: ${refusal}.`);
      this.#report(from, description.id, false);
      return;
    }
    if (this.#wasRefused(from, description.id)) {
      // Its description came twice, or the word of it was lost.
      this.#report(from, description.id, false);
      return;
    }
    const current = this.#transfer;
    if (current?.phase === 'taken' || current?.phase === 'finishing') return;
    if (current !== undefined && current.from === from && sameSnapshot(current.id, description.id)) {
      current.message = message;
      return;
    }
    this.#abandon();
    this.#begin(message, from, description.id, headerOf(description, snapshot.metadata));
  }

  #wasRefused(from: NodeName, id: SnapshotId): boolean {
    return this.#refused?.from === from && sameSnapshot(this.#refused.id, id);
  }

  #refusalOf({ clusterId, format }: SnapshotDescription): string | undefined {
    if (clusterId !== this.#env.clusterId) {
      return `it is of cluster ${clusterId}, and this node belongs to ${this.#env.clusterId}`;
    }
    if (format === SNAPSHOT_FORMAT) return undefined;
    return `its format is ${format}, and this program knows only ${SNAPSHOT_FORMAT}`;
  }

  /**
   * Fetches the state that another node has offered, for a node that has lost its own, or a part of its log.
   * @throws ParleyError `bad_request`, `unsupported_version`
   */
  fetch({ metadata, data }: Snapshot, from: NodeName): void {
    const description = decodeDescription(data);
    if (this.#refusalOf(description) !== undefined || this.#transfer !== undefined) return;
    this.#begin(undefined, from, description.id, headerOf(description, metadata));
  }

  #begin(message: Message | undefined, from: NodeName, id: SnapshotId, header: StateSnapshotHeader): void {
    const transfer: Transfer = {
      from,
      id,
      header,
      pull: this.#pull(from, id),
      message,
      install: undefined,
      phase: 'opening',
    };
    this.#transfer = transfer;
    this.#run(this.#env.state.beginInstall(header).catch(refusalOrThrow), (install) => {
      const isCurrent = this.#transfer === transfer;
      if (typeof install !== 'string') {
        transfer.install = install;
        if (isCurrent) this.#await(transfer);
        else this.#abort(install);
      } else if (isCurrent) this.#refuse(transfer, install);
    });
  }

  #pull(from: NodeName, id: SnapshotId): SnapshotPull {
    const { settings, monotonicMs, send } = this.#env;
    return new SnapshotPull({
      windowPieces: settings.snapshotWindowPieces,
      retryMs: settings.snapshotRetryMs,
      retriesMax: settings.snapshotRetriesMax,
      monotonicMs,
      ask: (question) => send(from, 'snapshot-request', encodeRequest({ kind: 'pull', id, ...question })),
    });
  }

  /** Goes on with the next piece if it is there already. */
  #await(transfer: Transfer): void {
    transfer.phase = 'waiting';
    transfer.pull.ask();
    this.#goOn(transfer);
  }

  /** @throws ParleyError `bad_request` */
  onPiece(from: NodeName, payload: Uint8Array): void {
    const piece = decodePiece(payload);
    const transfer = this.#transfer;
    if (transfer === undefined || transfer.from !== from || !sameSnapshot(transfer.id, piece.id)) return;
    if (piece.kind === 'gone') {
      if (transfer.phase !== 'taken' && transfer.phase !== 'finishing') this.#abandon();
      return;
    }
    transfer.pull.take(piece);
    if (transfer.phase === 'waiting') this.#goOn(transfer);
  }

  #goOn(transfer: Transfer): void {
    const piece: SnapshotPiece | undefined = transfer.pull.next;
    if (piece?.kind === 'end') this.#complete(transfer);
    else if (piece?.kind === 'rows') this.#write(transfer, piece.bytes);
  }

  #write(transfer: Transfer, bytes: Uint8Array): void {
    transfer.phase = 'writing';
    const install = transfer.install!;
    const written = install.write(bytes).then(() => undefined, refusalOrThrow);
    this.#run(written, (refusal) => {
      if (this.#transfer !== transfer) {
        this.#abort(install);
        return;
      }
      transfer.phase = 'waiting';
      if (refusal !== undefined) {
        this.#refuse(transfer, refusal);
        return;
      }
      transfer.pull.written();
      this.#goOn(transfer);
    });
  }

  #refuse(transfer: Transfer, reason: string): void {
    const { from, id } = transfer;
    this.#refused = { from, id };
    this.#env.onFailed(`The snapshot of ${from} is refused: ${reason}`);
    this.#abandon();
  }

  /** What is damaged is refused before the core counts on it: the leader hears so, and sends another. */
  #complete(transfer: Transfer): void {
    transfer.phase = 'complete';
    try {
      transfer.install!.check?.();
    } catch (error) {
      this.#refuse(transfer, refusalOrThrow(error));
      return;
    }
    if (transfer.message === undefined) this.#env.onFetched(this.#staged(transfer));
    else this.#env.stepSnapshot(transfer.message);
    // There was no use for it: the core has caught up otherwise, or follows another leader.
    if (this.#transfer === transfer && transfer.phase === 'complete') this.#abandon();
  }

  /** The core has accepted the snapshot: the staged state that belongs to it. */
  take(metadata: SnapshotMetadata): StagedSnapshot | undefined {
    const transfer = this.#transfer;
    if (transfer?.phase !== 'complete' || transfer.header.metadata.index !== metadata.index) return undefined;
    transfer.phase = 'taken';
    return this.#staged(transfer);
  }

  #staged(transfer: Transfer): StagedSnapshot {
    return {
      header: transfer.header,
      finish: () => this.#finish(transfer),
      report: (ok) => {
        this.#transfer = undefined;
        this.#report(transfer.from, transfer.id, ok);
      },
    };
  }

  onTick(): void {
    const transfer = this.#transfer;
    if (transfer === undefined || transfer.phase === 'opening') return;
    if (!transfer.pull.onTick(transfer.phase !== 'waiting')) this.#refuse(transfer, 'its pieces no longer come.');
  }

  /** Another process of a node takes part: it knows nothing of what the old one was sending. */
  onPeerRestarted(name: NodeName): void {
    const transfer = this.#transfer;
    const mayEnd = transfer?.phase !== 'taken' && transfer?.phase !== 'finishing';
    if (transfer?.from === name && mayEnd) this.#abandon();
  }

  #finish(transfer: Transfer): Promise<void> {
    transfer.phase = 'finishing';
    this.#running += 1;
    return transfer.install!.finish().finally(() => this.#ended());
  }

  /** Calls `done` once the store is at rest, so that it may be closed. */
  stop(done: () => void): void {
    if (this.#transfer?.phase !== 'finishing') this.#abandon();
    if (this.#running === 0) done();
    else this.#onIdle = done;
  }

  /** Has the store do something, and goes on with the result. */
  #run<T>(work: Promise<T>, goOn: (result: T) => void): void {
    this.#running += 1;
    work
      .then(goOn)
      .finally(() => this.#ended())
      .catch(this.#env.onFatal);
  }

  #ended(): void {
    this.#running -= 1;
    if (this.#running === 0) this.#onIdle?.();
  }

  #abandon(): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    this.#transfer = undefined;
    this.#report(transfer.from, transfer.id, false);
    // While the store is busy with it, the abort follows once it is done.
    const busy = transfer.phase === 'opening' || transfer.phase === 'writing';
    if (!busy) this.#abort(transfer.install!);
  }

  #report(to: NodeName, id: SnapshotId, ok: boolean): void {
    this.#env.send(to, 'snapshot-request', encodeRequest({ kind: 'finished', id, ok }));
  }

  #abort(install: StateInstall): void {
    this.#run(install.abort(), () => {});
  }
}

/**
 * Why a snapshot cannot be taken, although nothing is wrong with what this node has: it is damaged, or there is no room
 * for it. All else is rethrown: what this node's own disk does to it cannot be mended by another snapshot.
 */
function refusalOrThrow(error: unknown): string {
  if (error instanceof ParleyError && (error.code === 'damaged' || error.code === 'disk_full')) return error.message;
  throw error;
}
