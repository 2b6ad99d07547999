import type { Message } from '../../consensus/message.ts';
import type { LogIndex, SnapshotMetadata, Term } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import type { StateInstall, StateSnapshotHeader, StateStore } from '../ports.ts';
import type { RaftSettings } from './raft-settings.ts';
import {
  decodeDescription,
  decodePiece,
  encodeRequest,
  headerOf,
  sameSnapshot,
  type SnapshotId,
} from './snapshot-frames.ts';

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
  message: Message;
  install: StateInstall | undefined;
  /** The piece that is wanted next, and whether it was asked for or is being written. */
  nextPiece: number;
  phase: 'opening' | 'asking' | 'writing' | 'complete' | 'taken' | 'finishing';
  askedAtMs: number;
  retries: number;
}

/**
 * The follower's side: `MsgSnap` only describes the leader's state. Its rows are pulled, one bounded piece at a time,
 * into a staging area beside the live state; only when all are there does the core learn of the snapshot, and only if
 * the core still wants it does it replace anything.
 */
export class SnapshotReceiver {
  readonly #env: SnapshotReceiverEnv;
  #transfer: Transfer | undefined;
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
    if (description.clusterId !== this.#env.clusterId) return;
    const current = this.#transfer;
    if (current?.phase === 'taken' || current?.phase === 'finishing') return;
    if (current !== undefined && current.from === from && sameSnapshot(current.id, description.id)) {
      current.message = message;
      return;
    }
    this.#abandon();
    this.#begin(message, from, description.id, headerOf(description, snapshot.metadata));
  }

  #begin(message: Message, from: NodeName, id: SnapshotId, header: StateSnapshotHeader): void {
    const transfer: Transfer = {
      from,
      id,
      header,
      message,
      install: undefined,
      nextPiece: 0,
      phase: 'opening',
      askedAtMs: 0,
      retries: 0,
    };
    this.#transfer = transfer;
    this.#run(this.#env.state.beginInstall(header), (install) => {
      transfer.install = install;
      if (this.#transfer === transfer) this.#ask(transfer);
      else this.#abort(install);
    });
  }

  #ask(transfer: Transfer): void {
    transfer.phase = 'asking';
    transfer.askedAtMs = this.#env.monotonicMs();
    const request = encodeRequest({ kind: 'pull', id: transfer.id, piece: transfer.nextPiece });
    this.#env.send(transfer.from, 'snapshot-request', request);
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
    if (transfer.phase !== 'asking' || piece.piece !== transfer.nextPiece) return;
    if (piece.kind === 'end') this.#complete(transfer);
    else this.#write(transfer, piece.bytes);
  }

  #write(transfer: Transfer, bytes: Uint8Array): void {
    transfer.phase = 'writing';
    const install = transfer.install!;
    const written = install.write(bytes).then(() => true, isFalseIfDamaged);
    this.#run(written, (sound) => {
      if (this.#transfer !== transfer) {
        this.#abort(install);
        return;
      }
      transfer.phase = 'asking';
      if (!sound) {
        this.#abandon();
        return;
      }
      transfer.nextPiece += 1;
      transfer.retries = 0;
      this.#ask(transfer);
    });
  }

  /** What is damaged is refused before the core counts on it: the leader hears so, and sends another. */
  #complete(transfer: Transfer): void {
    transfer.phase = 'complete';
    try {
      transfer.install!.check?.();
    } catch (error) {
      isFalseIfDamaged(error);
      this.#abandon();
      return;
    }
    this.#env.stepSnapshot(transfer.message);
    // The core had no use for it: it has caught up otherwise, or follows another leader.
    if (this.#transfer === transfer && transfer.phase === 'complete') this.#abandon();
  }

  /** The core has accepted the snapshot: the staged state that belongs to it. */
  take(metadata: SnapshotMetadata): StagedSnapshot | undefined {
    const transfer = this.#transfer;
    if (transfer?.phase !== 'complete' || transfer.header.metadata.index !== metadata.index) return undefined;
    transfer.phase = 'taken';
    return {
      header: transfer.header,
      finish: () => this.#finish(transfer),
      report: (ok) => {
        this.#transfer = undefined;
        this.#report(transfer, ok);
      },
    };
  }

  onTick(): void {
    const transfer = this.#transfer;
    if (transfer?.phase !== 'asking') return;
    const { settings, monotonicMs } = this.#env;
    if (monotonicMs() - transfer.askedAtMs < settings.snapshotRetryMs) return;
    transfer.retries += 1;
    if (transfer.retries > settings.snapshotRetriesMax) this.#abandon();
    else this.#ask(transfer);
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
    work.then(
      (result) => {
        goOn(result);
        this.#ended();
      },
      (error: unknown) => {
        this.#ended();
        this.#env.onFatal(error);
      },
    );
  }

  #ended(): void {
    this.#running -= 1;
    if (this.#running === 0) this.#onIdle?.();
  }

  #abandon(): void {
    const transfer = this.#transfer;
    if (transfer === undefined) return;
    this.#transfer = undefined;
    this.#report(transfer, false);
    // While the store is busy with it, the abort follows once it is done.
    const busy = transfer.phase === 'opening' || transfer.phase === 'writing';
    if (!busy) this.#abort(transfer.install!);
  }

  #report({ from, id }: Transfer, ok: boolean): void {
    this.#env.send(from, 'snapshot-request', encodeRequest({ kind: 'finished', id, ok }));
  }

  #abort(install: StateInstall): void {
    this.#run(install.abort(), () => {});
  }
}

/** Rethrows everything else: what this node's own disk does to it cannot be mended by another snapshot. */
function isFalseIfDamaged(error: unknown): false {
  if (error instanceof ParleyError && error.code === 'damaged') return false;
  throw error;
}
