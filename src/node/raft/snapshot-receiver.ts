import type { Message } from '../../consensus/message.ts';
import type { LogIndex, SnapshotMetadata, Term } from '../../consensus/types.ts';
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
  readonly install: StateInstall;
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
  phase: 'opening' | 'asking' | 'writing' | 'complete' | 'taken';
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
    if (current?.phase === 'taken') return;
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
    this.#env.state.beginInstall(header).then((install) => {
      transfer.install = install;
      if (this.#transfer === transfer) this.#ask(transfer);
      else this.#abort(install);
    }, this.#env.onFatal);
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
      if (transfer.phase !== 'taken') this.#abandon();
      return;
    }
    if (transfer.phase !== 'asking' || piece.piece !== transfer.nextPiece) return;
    if (piece.kind === 'end') this.#complete(transfer);
    else this.#write(transfer, piece.bytes);
  }

  #write(transfer: Transfer, bytes: Uint8Array): void {
    transfer.phase = 'writing';
    const install = transfer.install!;
    install.write(bytes).then(() => {
      if (this.#transfer !== transfer) {
        this.#abort(install);
        return;
      }
      transfer.nextPiece += 1;
      transfer.retries = 0;
      this.#ask(transfer);
    }, this.#env.onFatal);
  }

  #complete(transfer: Transfer): void {
    transfer.phase = 'complete';
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
      install: transfer.install!,
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

  stop(): void {
    if (this.#transfer?.phase !== 'taken') this.#abandon();
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
    install.abort().catch(this.#env.onFatal);
  }
}
