import { MessageType, type Message } from '../../../consensus/message.ts';
import type { SimNode } from '../sim-node.ts';
import { insist } from '../violation.ts';

/** What a message promises is on disk when it leaves. */
export function checkDurability(node: SimNode, message: Message): void {
  if (message.reject) return;
  const { durable } = node;
  const { term, vote } = durable.hardState;
  if (message.type === MessageType.voteResp) {
    const holds = term > message.term || (term === message.term && vote === message.to);
    insist(holds, 'vote-before-disk', () => `${node.name} grants term ${message.term} to ${message.to}`);
  } else if (message.type === MessageType.appResp) {
    const holds = term > message.term || (term === message.term && durable.lastIndex >= message.index);
    insist(holds, 'ack-before-disk', () => `${node.name} acknowledges ${message.index} of term ${message.term}`);
  } else if (message.type === MessageType.vote) {
    // A candidate may ask before its own vote is durable; it counts that vote only afterwards.
    insist(message.term >= term, 'term-fell', () => `${node.name} asks for votes of term ${message.term}`);
  }
}
