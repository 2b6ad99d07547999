import { jointCommittedIndex, type JointVoters } from './quorum/joint.ts';
import type { Message } from './message.ts';
import { type LogIndex, type PeerId } from './types.ts';

/** A read that waits for a quorum to confirm that its leader was still the leader. */
export interface PendingRead {
  readonly request: Message;
  /** The commit index when the read arrived: what its answer has to reflect. */
  readonly index: LogIndex;
}

interface QueuedRead extends PendingRead {
  readonly round: number;
}

interface SentRound {
  readonly round: number;
  readonly sentAtTick: number;
}

const ROUND_BYTES = 8;
const LOW_BITS = 2 ** 32;

const encodeRound = (round: number): Uint8Array => {
  const bytes = new Uint8Array(ROUND_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(round / LOW_BITS));
  view.setUint32(4, round % LOW_BITS);
  return bytes;
};

const decodeRound = (context: Uint8Array): number => {
  if (context.length !== ROUND_BYTES) return 0;
  const view = new DataView(context.buffer, context.byteOffset, ROUND_BYTES);
  return view.getUint32(0) * LOW_BITS + view.getUint32(4);
};

/** Rounds whose sending time is remembered for the lease; older ones can no longer extend it. */
const SENT_ROUNDS_MAX = 64;

/**
 * Heartbeat rounds, numbered within one term of leadership (dissertation 6.4). A read that arrives
 * is confirmed by any round sent after it: once a quorum has answered, the leader was the leader at
 * a time after the read arrived. Any number of reads shares one round. The time at which the latest
 * confirmed round was *sent* is also the beginning of the read lease.
 */
export class ReadRounds {
  readonly #acks = new Map<PeerId, number>();
  readonly #acked = (id: PeerId): LogIndex | undefined => this.#acks.get(id) as LogIndex | undefined;
  #lastRound = 0;
  #confirmedRound = 0;
  #unconfirmed: QueuedRead[] = [];
  #sent: SentRound[] = [];
  #confirmedSentAtTick: number | undefined;

  get unconfirmedCount(): number {
    return this.#unconfirmed.length;
  }

  /** The tick at which the latest round that a quorum answered was sent. */
  get confirmedSentAtTick(): number | undefined {
    return this.#confirmedSentAtTick;
  }

  /** The read is confirmed by the next round or any later one. */
  queue(request: Message, index: LogIndex): void {
    this.#unconfirmed.push({ request, index, round: this.#lastRound + 1 });
  }

  /** Begins a round and returns the context its heartbeats carry. The sender answers itself. */
  begin(self: PeerId, sentAtTick: number): Uint8Array {
    this.#lastRound += 1;
    this.#acks.set(self, this.#lastRound);
    this.#sent.push({ round: this.#lastRound, sentAtTick });
    if (this.#sent.length > SENT_ROUNDS_MAX) this.#sent.shift();
    return encodeRound(this.#lastRound);
  }

  /** A peer echoed `context`. */
  acknowledge(from: PeerId, context: Uint8Array): void {
    const round = decodeRound(context);
    if (round <= this.#lastRound && round > (this.#acks.get(from) ?? 0)) this.#acks.set(from, round);
  }

  /** The reads that a quorum has confirmed since the last call, oldest first. */
  takeConfirmed(voters: JointVoters): readonly PendingRead[] {
    const confirmed: number = jointCommittedIndex(voters, this.#acked);
    if (confirmed <= this.#confirmedRound || confirmed > this.#lastRound) return [];
    this.#confirmedRound = confirmed;
    this.#noteConfirmedSending(confirmed);
    const first = this.#unconfirmed.findIndex((read) => read.round > confirmed);
    const count = first === -1 ? this.#unconfirmed.length : first;
    return this.#unconfirmed.splice(0, count);
  }

  #noteConfirmedSending(confirmed: number): void {
    while (this.#sent.length > 0 && this.#sent[0]!.round <= confirmed) {
      this.#confirmedSentAtTick = this.#sent.shift()!.sentAtTick;
    }
  }

  /** Forgets all rounds sent so far as a beginning of the lease. */
  voidSent(): void {
    this.#sent = [];
    this.#confirmedSentAtTick = undefined;
  }

  /** A new term: nothing of the old one counts. Reads that were not confirmed are lost. */
  reset(): void {
    this.#acks.clear();
    this.#lastRound = 0;
    this.#confirmedRound = 0;
    this.#unconfirmed = [];
    this.voidSent();
  }
}
