import { makeMessage, MessageType, type Message } from '../consensus/message.ts';
import { EntryType, logIndex, peerId, term, type PeerId } from '../consensus/types.ts';
import type { Frame, Transport } from '../node/ports.ts';
import type { NodeName } from '../protocol/ids.ts';

/** The nodes of a cluster whose transport is tested: their peer ids are 1, 2 and 3. */
export const NODES = ['n1', 'n2', 'n3'] as NodeName[];
const [n1] = NODES as [NodeName, ...NodeName[]];
const peerOf = (node: NodeName): PeerId => peerId(NODES.indexOf(node) + 1);

export const appendTo = (node: NodeName, index: number, data: Uint8Array): Message =>
  makeMessage(MessageType.app, {
    to: peerOf(node),
    from: peerOf(n1),
    term: term(1),
    logTerm: term(1),
    index: logIndex(index),
    entries: [{ term: term(1), index: logIndex(index + 1), type: EntryType.normal, data }],
  });
export const beatTo = (node: NodeName, commit: number): Message =>
  makeMessage(MessageType.heartbeat, { to: peerOf(node), from: peerOf(n1), term: term(1), commit: logIndex(commit) });

/** All that a node receives, in order. */
export interface Inbox {
  readonly raft: { readonly message: Message; readonly from: NodeName }[];
  readonly frames: Frame[];
}

export function inboxOf(transport: Transport): Inbox {
  const inbox: Inbox = { raft: [], frames: [] };
  transport.onRaft((message, from) => inbox.raft.push({ message, from }));
  transport.onFrame((frame) => inbox.frames.push(frame));
  return inbox;
}
