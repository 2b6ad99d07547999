import type { ConfState, PeerId } from '../../consensus/types.ts';
import type { SimNetwork } from './sim-network.ts';
import type { SimNode } from './sim-node.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface SimClusterParts {
  readonly time: VirtualTime;
  readonly network: SimNetwork;
  /** Node 1 comes first. */
  readonly nodes: readonly SimNode[];
}

/** All machines, and what somebody who sees all of them at once can say about them. */
export class SimCluster {
  readonly time: VirtualTime;
  readonly network: SimNetwork;
  readonly nodes: readonly SimNode[];

  constructor({ time, network, nodes }: SimClusterParts) {
    this.time = time;
    this.network = network;
    this.nodes = nodes;
  }

  node(number: number): SimNode {
    const node = this.nodes[number - 1];
    if (node === undefined) throw new RangeError(`there is no machine ${number}`);
    return node;
  }

  nodeOfPeer(peer: PeerId): SimNode | undefined {
    return this.nodes.find(({ peerId }) => peerId === peer);
  }

  /** Whoever leads the highest term. */
  get leader(): SimNode | undefined {
    let leader: SimNode | undefined;
    for (const node of this.nodes) {
      if (!node.leads) continue;
      if (leader === undefined || node.peer!.coreView!.term > leader.peer!.coreView!.term) leader = node;
    }
    return leader;
  }

  /** The newest membership that any running node has applied. */
  get confState(): ConfState {
    const running = this.nodes.filter(({ state }) => state !== undefined);
    const newest = running.reduce<SimNode | undefined>(
      (best, node) => (best === undefined || node.appliedIndex > best.appliedIndex ? node : best),
      undefined,
    );
    return (newest ?? this.nodes[0]!).confState;
  }

  get members(): readonly PeerId[] {
    return membersOf(this.confState);
  }

  /**
   * Whether the cluster can do without what is on this node's disk: with all losses that are not made good yet, those of
   * learners on their way to a vote included, a majority of voters keeps theirs. While a change of the membership is not
   * on every disk, a crash may bring the one before it back, and with it voters that are gone: then nothing may be lost.
   */
  mayLose(node: SimNode): boolean {
    // Whoever takes the place of one that knew better may believe an old copy.
    if (!this.#isSettled || this.nodes.some(({ disks }) => disks.isFalse)) return false;
    const lost = this.#holders.filter((holder) => holder === undefined || holder === node || !holder.isSound);
    return lost.length < this.confState.voters.length / 2;
  }

  /** Whether every machine is a member with all that it ever acknowledged, and knows who the members are. */
  get isWhole(): boolean {
    return this.#isSettled && this.nodes.every(({ isSound }) => isSound);
  }

  get #holders(): readonly (SimNode | undefined)[] {
    return this.members.map((peer) => this.nodeOfPeer(peer));
  }

  /** No change of the membership is under way, as far as any disk that is sound can tell. */
  get #isSettled(): boolean {
    const text = JSON.stringify(this.confState);
    const agree = this.#holders.every((holder) => !holder?.isSound || JSON.stringify(holder.durableConfState) === text);
    return agree && this.confState.votersOutgoing.length === 0;
  }

  /** As many voters as every majority can do without, the leader among them or not. */
  spareable(hitsLeader: boolean): readonly SimNode[] {
    const { leader } = this;
    const voters = this.confState.voters.flatMap((peer) => this.nodeOfPeer(peer) ?? []);
    const candidates = voters.filter((node) => node !== leader);
    if (leader !== undefined && hitsLeader) candidates.unshift(leader);
    const victims: SimNode[] = [];
    for (const node of candidates) {
      if (this.#survives((other) => other === node || victims.includes(other) || !other.isSound)) {
        victims.push(node);
      }
    }
    return victims;
  }

  #survives(isGone: (node: SimNode) => boolean): boolean {
    const { voters, votersOutgoing } = this.confState;
    return [voters, votersOutgoing].every((half) => {
      const left = half.filter((peer) => {
        const node = this.nodeOfPeer(peer);
        return node !== undefined && !isGone(node);
      });
      return half.length === 0 || left.length > half.length / 2;
    });
  }
}

export const membersOf = ({ voters, votersOutgoing, learners, learnersNext }: ConfState): readonly PeerId[] => [
  ...new Set([...voters, ...votersOutgoing, ...learners, ...learnersNext]),
];
