import type { PeerId } from '../consensus/types.ts';
import type { ClusterId, NodeName } from '../protocol/ids.ts';
import type { MemberTable } from './membership/member-table.ts';
import type { Verdict } from './rollback/standing.ts';
import type { Life } from './rollback/witness.ts';
import type { PublicIdentity } from './identity/public-identity.ts';
import type { Founding, FoundingPeer } from './store/node-store.ts';

/**
 * How a cluster comes into being, once (rule 9 of the store), and how a node finds its way into one that exists.
 * While every configured peer is empty, the one with the
 * lowest name proposes a cluster id; each peer writes `founding(id)` to disk, which still counts as empty for that
 * id; a peer becomes a member, and may vote, once it has heard that all hold it. Every step is a pure function of
 * what is on disk and what the peers say, so a crash between any two steps resumes where it was.
 */
export type Membership =
  | { readonly kind: 'empty' }
  | { readonly kind: 'founding'; readonly clusterId: ClusterId }
  | { readonly kind: 'member'; readonly clusterId: ClusterId };

/** What a node says of itself. */
export interface Hello {
  readonly node: NodeName;
  readonly membership: Membership;
  /** Names of all configured peers, sorted; must be the same on all founders. */
  readonly peers: readonly NodeName[];
  /** What an empty node calls its directory; it is let in under this name, and never again under the same. */
  readonly incarnation: string | null;
  /** Its keys, with which it sealed this; null where frames are not sealed. */
  readonly identity: PublicIdentity | null;
  /** Who founds the cluster, as long as this node is about to. */
  readonly founders: readonly FoundingPeer[] | null;
  /** Who is in the cluster, as a member knows it. */
  readonly table: MemberTable | null;
  /** What a member has on disk. */
  readonly life: Life | null;
  /** What it has found out about whom it says this to. */
  readonly verdict: Verdict | null;
}

export type FoundingStep =
  /** Nothing to do before others have spoken; `problem` says why, for people. */
  | { readonly kind: 'wait'; readonly problem: string }
  /** Make a cluster id and persist `founding` with it. */
  | { readonly kind: 'propose' }
  /** Persist `founding` with this id. */
  | { readonly kind: 'adopt'; readonly founding: Founding }
  /** Everybody holds the id: persist membership and start to vote. */
  | { readonly kind: 'join'; readonly clusterId: ClusterId }
  /** The cluster has let this node in as `peer`: persist membership and begin to learn. */
  | { readonly kind: 'enter'; readonly founding: Founding; readonly peer: PeerId }
  /** Going on would risk what another cluster acknowledged: stay without vote. */
  | { readonly kind: 'refuse'; readonly problem: string };

/**
 * @param self what this node has on disk
 * @param heard the latest hello of each other peer, only as old as still counts as an answer
 */
export function foundingStep(self: Hello, heard: ReadonlyMap<NodeName, Hello>): FoundingStep {
  if (self.membership.kind === 'empty') {
    const step = stepTowardsMembers(self, heard);
    if (step !== null) return step;
  }
  const others = self.peers.filter((peer) => peer !== self.node);
  const disagreeing = others.find((peer) => {
    const hello = heard.get(peer);
    return hello !== undefined && hello.membership.kind !== 'member' && hello.peers.join() !== self.peers.join();
  });
  if (disagreeing !== undefined) {
    return refuse(
      `${disagreeing} was started with other --peers (${heard.get(disagreeing)!.peers.join(', ')}) than this node (${self.peers.join(', ')}).`,
    );
  }
  if (self.membership.kind === 'member') return { kind: 'join', clusterId: self.membership.clusterId };
  const ids = new Set<ClusterId>();
  for (const peer of others) {
    const membership = heard.get(peer)?.membership;
    if (membership !== undefined && membership.kind !== 'empty') ids.add(membership.clusterId);
  }
  return self.membership.kind === 'empty'
    ? stepOfEmpty(self, others, heard, ids)
    : stepOfFounding(self.membership.clusterId, others, heard, ids);
}

/** Null as long as no member of a cluster has spoken. */
function stepTowardsMembers(self: Hello, heard: ReadonlyMap<NodeName, Hello>): FoundingStep | null {
  const members = [...heard.values()].filter(({ membership }) => membership.kind === 'member');
  for (const { membership, table } of members) {
    const own = table?.members.find(({ incarnation }) => incarnation !== null && incarnation === self.incarnation);
    if (membership.kind === 'member' && own?.name === self.node) {
      return {
        kind: 'enter',
        founding: { clusterId: membership.clusterId, peers: table!.founders },
        peer: own.peer,
      };
    }
  }
  const [first] = members;
  if (first === undefined) return null;
  const wasMember = first.table?.members.some(({ name }) => name === self.node) ?? false;
  const verb = wasMember ? 'replace' : 'add';
  return refuse(
    `This node's data directory is empty, but ${first.node} belongs to a running cluster: without its data this node ` +
      `must not vote. Restore the directory it had, or let it in: chatctl member ${verb} ${self.node}`,
  );
}

function stepOfEmpty(
  self: Hello,
  others: readonly NodeName[],
  heard: ReadonlyMap<NodeName, Hello>,
  ids: ReadonlySet<ClusterId>,
): FoundingStep {
  if (ids.size > 1) return refuse(`The peers are founding different clusters (${[...ids].join(', ')}).`);
  const silent = others.filter((peer) => !heard.has(peer));
  if (silent.length > 0) return waitFor(silent, 'founding a cluster needs all of them');
  const [proposed] = ids;
  if (proposed !== undefined) return adopt(proposed, self, heard);
  const [lowest] = self.peers;
  return lowest === self.node
    ? { kind: 'propose' }
    : { kind: 'wait', problem: `Waiting for ${lowest} to propose a cluster id.` };
}

function stepOfFounding(
  own: ClusterId,
  others: readonly NodeName[],
  heard: ReadonlyMap<NodeName, Hello>,
  ids: ReadonlySet<ClusterId>,
): FoundingStep {
  const foreign = [...ids].find((id) => id !== own);
  if (foreign !== undefined) return refuse(`A peer belongs to cluster ${foreign}, this node to ${own}.`);
  const silent = others.filter((peer) => !heard.has(peer));
  if (silent.length > 0) return waitFor(silent, 'founding a cluster needs all of them');
  const empty = others.filter((peer) => heard.get(peer)?.membership.kind === 'empty');
  if (empty.length > 0) {
    return { kind: 'wait', problem: `Waiting for ${empty.join(', ')} to take the cluster id ${own}.` };
  }
  return { kind: 'join', clusterId: own };
}

/** Everybody has to found the cluster with the keys that it tells the others. */
function adopt(clusterId: ClusterId, self: Hello, heard: ReadonlyMap<NodeName, Hello>): FoundingStep {
  const proposal = [...heard.values()].find(({ founders }) => founders !== null);
  const peers = proposal?.founders ?? [];
  const told = (name: NodeName): PublicIdentity | null | undefined =>
    name === self.node ? self.identity : heard.get(name)?.identity;
  const stranger = self.peers.find((name) => peers.find((peer) => peer.name === name)?.identity !== told(name));
  if (stranger === undefined) return { kind: 'adopt', founding: { clusterId, peers } };
  return refuse(
    `${proposal?.node ?? 'A peer'} founds the cluster with other keys of ${stranger} than those that it has now: stop all ` +
      'peers, empty their directories, and start them again.',
  );
}

function refuse(problem: string): FoundingStep {
  return { kind: 'refuse', problem };
}

function waitFor(peers: readonly NodeName[], why: string): FoundingStep {
  return { kind: 'wait', problem: `Waiting for ${peers.join(', ')} to answer: ${why}.` };
}
