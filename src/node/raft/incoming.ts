import { isHintContext } from '../../consensus/campaign.ts';
import { isLocalMessageType, MessageType, type Message } from '../../consensus/message.ts';
import { isLocalThread, type PeerId, type Term } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';

/** Whether `message` is for this peer, and of a kind and from somebody that may reach it from outside. */
export function isForPeer(self: PeerId, { to, from, type }: Message): boolean {
  return to === self && from !== self && !isLocalThread(from) && !isLocalMessageType(type);
}

/** Whether its sender stands for election because there are signs that the leader of `term` is dead. */
export function holdsLeaderForDead(message: Message, term: Term): boolean {
  return message.type === MessageType.preVote && message.term === term + 1 && isHintContext(message.context);
}

/** Frames come from other nodes: one that cannot be read is dropped, as if the network had lost it. */
export function tolerate(handle: () => void): void {
  try {
    handle();
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
  }
}
