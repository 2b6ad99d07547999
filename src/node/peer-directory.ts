import { peerId } from '../consensus/types.ts';
import type { NodeName } from '../protocol/ids.ts';
import type { PublicIdentity } from './identity/public-identity.ts';
import { MemberDirectory } from './membership/member-directory.ts';
import { foundingTable } from './membership/member-table.ts';
import type { MemberTable } from './membership/member-table.ts';
import type { FoundingPeer, Manifest } from './store/node-store.ts';

/** Peer ids of a new cluster are the places of the names in their sorted list, from 1. */
export function foundingPeers(
  peers: readonly NodeName[],
  identityOf: (name: NodeName) => PublicIdentity | null = () => null,
): readonly FoundingPeer[] {
  return peers.toSorted().map((name, place) => ({ name, peerId: peerId(place + 1), identity: identityOf(name) }));
}

export function directoryOf(peers: readonly FoundingPeer[]): MemberDirectory {
  return new MemberDirectory(foundingTable(peers));
}

/** What a manifest tells, before the state is read: the founders, and this node where it was let in later. */
export function tableOf({ nodeName, peerId: own, peers }: Manifest): MemberTable {
  const founded = foundingTable(peers);
  if (peers.some((founder) => founder.peerId === own)) return founded;
  const self = { peer: own, name: nodeName, incarnation: null, identity: null, replaces: null };
  return { ...founded, members: [...founded.members, self] };
}
