import { MessageType, type Message } from '../../consensus/message.ts';
import type { Entry, PeerId } from '../../consensus/types.ts';
import { decodeMessages, encodeMessages, MESSAGES_PER_FRAME_MAX } from '../raft/message-codec.ts';

/**
 * How Raft messages are packed into frames: an append that several peers are to get is one frame for everybody that
 * names its addressees; what else one peer is to get goes together. Each peer gets its messages in the order given.
 */
export type RaftFrame =
  | { readonly to: PeerId; readonly messages: readonly Message[] }
  | { readonly addressees: readonly PeerId[]; readonly message: Message };

/** Frames for one peer are closed beyond this, so that none has to be fragmented only for being one of many. */
const FRAME_BYTES_GOAL = 192 * 1024;

export function planRaftFrames(messages: readonly Message[]): RaftFrame[] {
  return new Planner(messages).plan();
}

/** Payload of a `raft-shared` frame: count, that many ids, the message as it is for the first of them. */
export function encodeShared(addressees: readonly PeerId[], message: Message): Uint8Array {
  const encoded = encodeMessages([message]);
  const head = Buffer.allocUnsafe(2 + addressees.length * 8);
  head.writeUInt16BE(addressees.length, 0);
  addressees.forEach((peer, i) => {
    head.writeBigUInt64BE(BigInt(peer), 2 + i * 8);
  });
  return Buffer.concat([head, encoded]);
}

/**
 * The message for `self`, or `undefined` when it is for others only.
 * @throws ParleyError `bad_request`, RangeError when cut short
 */
export function decodeShared(payload: Uint8Array, self: PeerId): Message | undefined {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const count = bytes.readUInt16BE(0);
  let mine = false;
  for (let i = 0; i < count; i += 1) mine ||= bytes.readBigUInt64BE(2 + i * 8) === BigInt(self);
  if (!mine) return undefined;
  const message = decodeMessages(payload.subarray(2 + count * 8))[0];
  return message === undefined || message.to === self ? message : { ...message, to: self };
}

/** Messages that differ in their receiver only. */
interface Group {
  readonly first: Message;
  readonly members: Message[];
  /** Sending it once would have changed somebody's order. */
  split: boolean;
}

class Planner {
  readonly #groups: Group[] = [];
  readonly #groupOf = new Map<Message, Group>();
  /** Per peer what is not planned yet, in order. */
  readonly #queues = new Map<PeerId, Message[]>();
  readonly #frames: RaftFrame[] = [];

  constructor(messages: readonly Message[]) {
    for (const message of messages) {
      const queue = this.#queues.get(message.to);
      if (queue === undefined) this.#queues.set(message.to, [message]);
      else queue.push(message);
      if (message.type === MessageType.app) this.#join(message);
    }
  }

  plan(): RaftFrame[] {
    for (const group of this.#groups) {
      if (group.members.length < 2 || group.split) continue;
      for (const member of group.members) this.#flush(member.to, member);
      for (const { to } of group.members) this.#queues.get(to)?.shift();
      this.#frames.push({ addressees: group.members.map(({ to }) => to), message: group.first });
    }
    for (const to of this.#queues.keys()) this.#flush(to, undefined);
    return this.#frames;
  }

  #join(message: Message): void {
    const group = this.#groups.find(
      ({ first, members }) => isSameAppend(first, message) && members.every(({ to }) => to !== message.to),
    );
    if (group === undefined) {
      const begun = { first: message, members: [message], split: false };
      this.#groups.push(begun);
      this.#groupOf.set(message, begun);
      return;
    }
    group.members.push(message);
    this.#groupOf.set(message, group);
  }

  /** Plans what stands before `until` in the queue of `to`, one by one or together. */
  #flush(to: PeerId, until: Message | undefined): void {
    const queue = this.#queues.get(to) ?? [];
    let batch: Message[] = [];
    let bytes = 0;
    while (queue[0] !== undefined && queue[0] !== until) {
      const message = queue[0];
      queue.shift();
      const group = this.#groupOf.get(message);
      if (group !== undefined) group.split = true;
      const size = sizeOf(message);
      if (batch.length > 0 && (bytes + size > FRAME_BYTES_GOAL || batch.length >= MESSAGES_PER_FRAME_MAX)) {
        this.#frames.push({ to, messages: batch });
        batch = [];
        bytes = 0;
      }
      batch.push(message);
      bytes += size;
    }
    if (batch.length > 0) this.#frames.push({ to, messages: batch });
  }
}

function isSameAppend(a: Message, b: Message): boolean {
  return (
    a.index === b.index &&
    a.logTerm === b.logTerm &&
    a.term === b.term &&
    a.commit === b.commit &&
    a.from === b.from &&
    a.context.length === 0 &&
    b.context.length === 0 &&
    haveSameEntries(a.entries, b.entries)
  );
}

/** Term and index name an entry for ever, and both lists begin after the same entry. */
function haveSameEntries(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.length === b.length && a.at(-1)?.term === b.at(-1)?.term && a.at(-1)?.index === b.at(-1)?.index;
}

function sizeOf({ entries, context, snapshot }: Message): number {
  let bytes = 64 + context.length + (snapshot?.data.length ?? 0);
  for (const { data } of entries) bytes += 16 + data.length;
  return bytes;
}
