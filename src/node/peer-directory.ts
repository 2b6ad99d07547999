import { peerId } from '../consensus/types.ts';
import type { PeerId } from '../consensus/types.ts';
import type { ClusterId, NodeName } from '../protocol/ids.ts';
import type { PeerDirectory } from './ports.ts';
import type { Founding, FoundingPeer } from './store/node-store.ts';

/** Peer ids of a new cluster are the places of the names in their sorted list, from 1. */
export function foundingPeers(peers: readonly NodeName[]): readonly FoundingPeer[] {
  return peers.toSorted().map((name, place) => ({ name, peerId: peerId(place + 1) }));
}

export function foundingOf(clusterId: ClusterId, peers: readonly NodeName[]): Founding {
  return { clusterId, peers: foundingPeers(peers) };
}

export function directoryOf(peers: readonly FoundingPeer[]): PeerDirectory {
  const names = new Map<PeerId, NodeName>(peers.map(({ name, peerId: id }) => [id, name]));
  const ids = new Map<NodeName, PeerId>(peers.map(({ name, peerId: id }) => [name, id]));
  return { nameOf: (peer) => names.get(peer), peerOf: (name) => ids.get(name) };
}
