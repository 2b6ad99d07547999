import { MessageType, type Message } from '../../consensus/message.ts';
import { EMPTY_CONF_STATE, peerId, RaftRole, type ConfState, type PeerId } from '../../consensus/types.ts';
import { ClusterPeer, type PeerOptions } from './cluster-peer.ts';
import { seededRandom } from './seeded-random.ts';

export interface ClusterOptions {
  readonly voters: readonly number[];
  readonly learners?: readonly number[];
  /** Peers that exist without being members. */
  readonly spare?: readonly number[];
  readonly seed?: number;
  readonly peer?: Partial<PeerOptions>;
}

const SETTLE_ROUNDS_MAX = 10_000;

/** Peers and a network that does only what the test says. */
export class Cluster {
  readonly peers = new Map<PeerId, ClusterPeer>();
  readonly random: () => number;
  /** Sent and not delivered yet. */
  network: Message[] = [];
  /** Whether a message gets through, in `settle`. */
  reaches: (message: Message) => boolean = () => true;

  constructor({ voters, learners = [], spare = [], seed = 1, peer = {} }: ClusterOptions) {
    this.random = seededRandom(seed);
    const confState: ConfState = {
      ...EMPTY_CONF_STATE,
      voters: voters.map(peerId),
      learners: learners.map(peerId),
    };
    for (const id of [...voters, ...learners, ...spare].map(peerId)) {
      const options: PeerOptions = {
        electionTicks: 10,
        heartbeatTicks: 1,
        maxBytesPerMessage: 4096,
        maxInflightMessages: 16,
        random: this.random,
        ...peer,
      };
      const isMember = !spare.includes(id);
      this.peers.set(id, new ClusterPeer(id, options, isMember ? confState : undefined));
    }
  }

  peer(id: number): ClusterPeer {
    const peer = this.peers.get(peerId(id));
    if (peer === undefined) throw new Error(`there is no peer ${id}`);
    return peer;
  }

  get leaders(): ClusterPeer[] {
    return [...this.peers.values()].filter(({ raw }) => raw.basicStatus().role === RaftRole.leader);
  }

  /** Nothing passes between `ids` and the others, in either direction. */
  isolate(...ids: number[]): void {
    const inside = (id: PeerId): boolean => ids.includes(id);
    this.reaches = ({ from, to }) => inside(from) === inside(to);
  }

  heal(): void {
    this.reaches = () => true;
  }

  /** Works and delivers until nothing is left to do. What does not get through is lost. */
  settle(): void {
    for (let round = 0; round < SETTLE_ROUNDS_MAX; round += 1) {
      let busy = false;
      for (const peer of this.peers.values()) {
        const out = peer.work();
        while (peer.appendWork.length > 0) out.push(...peer.executeAppend(), ...peer.work());
        while (peer.applyWork.length > 0) out.push(...peer.executeApply(), ...peer.work());
        this.network.push(...out);
        busy ||= out.length > 0;
      }
      const due = this.network;
      this.network = [];
      for (const message of due) {
        const arrives = this.reaches(message);
        busy ||= arrives;
        this.transmit(message, arrives);
      }
      if (!busy) return;
    }
    throw new Error('the cluster does not come to rest');
  }

  /** Delivers or loses a message. Whoever sends a snapshot is told what became of it. */
  transmit(message: Message, arrives: boolean): void {
    const { type, from, to } = message;
    if (arrives) this.peers.get(to)?.raw.step(message);
    if (type === MessageType.snap) this.peers.get(from)?.raw.reportSnapshot(to, arrives);
  }

  /** Ticks all (or some) peers in turn and settles after each tick. */
  tick(ticks: number, ids: readonly number[] = [...this.peers.keys()]): void {
    for (let done = 0; done < ticks; done += 1) {
      for (const id of ids) this.peer(id).raw.tick();
      this.settle();
    }
  }

  /** Makes `id` leader by an election that everybody takes part in. */
  elect(id: number): void {
    this.peer(id).raw.campaign();
    this.settle();
    if (this.peer(id).raw.basicStatus().role !== RaftRole.leader) throw new Error(`${id} was not elected`);
  }
}
