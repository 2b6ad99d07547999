import { foundingStep } from './founding.ts';
import { decodeHello, encodeHello } from './hello.ts';
import { clusterIdOf } from '../protocol/derive-ids.ts';
import { foundingPeers } from './peer-directory.ts';
import { ParleyError } from '../protocol/errors.ts';
import type { FoundingStep, Hello, Membership } from './founding.ts';
import type { PublicIdentity } from './identity/public-identity.ts';
import type { Candidate } from './membership/change-rules.ts';
import type { MemberTable } from './membership/member-table.ts';
import type { Clock, Frame, Transport } from './ports.ts';
import type { Standing, Verdict } from './rollback/standing.ts';
import type { Founding, IntactStore, Manifest } from './store/node-store.ts';
import type { PeerId } from '../consensus/types.ts';
import type { ClusterId, NodeName } from '../protocol/ids.ts';

const SAY_HELLO_EVERY_MS = 200;
/** Members go on saying who is in the cluster: one that was away while all others changed would never find them. */
const MEMBER_HELLO_EVERY_MS = 2_000;
/** An answer counts this long: all peers must be there at the same time for a cluster to be founded. */
const ANSWER_FRESH_MS = 3_000;

type HeardFrom = Map<NodeName, { readonly hello: Hello; readonly atMs: number }>;

interface ContactPorts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly store: IntactStore;
  /** Fresh random bytes, for the cluster id. */
  readonly randomBytes: (length: number) => Uint8Array;
  /** This node's own keys; null where frames are not sealed. */
  readonly identity: PublicIdentity | null;
  /** As this member knows it; null before it is one. */
  readonly table: () => MemberTable | null;
  /** A member of the same cluster told who is in it. */
  readonly onTable: (table: MemberTable) => void;
  /** What this node says of its own past, and thinks of that of others. */
  readonly standing: Pick<Standing, 'life' | 'meet' | 'learn' | 'onBeat' | 'isComparing'>;
  /** Whether a member of that name is known, with its keys. */
  readonly isKnown: (name: NodeName) => boolean;
  /** Whether these are the keys of a member of that name. */
  readonly isMember: (name: NodeName, identity: PublicIdentity | null) => boolean;
  /** Nothing of the log is applied here: whoever holds the cluster's secret is believed who is in the cluster. */
  readonly knowsNobody: () => boolean;
  /** Whether `name` is the node that the cluster knows as `peer`. */
  readonly isPeer: (name: NodeName, peer: PeerId) => boolean;
  /** Told once this node is a member and may take part. */
  readonly onJoined: (manifest: Manifest) => void;
  readonly onFatal: (error: unknown) => void;
}

/**
 * Says hello to the other nodes and hears theirs: until this node is a member, to become one; then to tell the others
 * who is in the cluster. Carries out the steps that `foundingStep` decides, one at a time, each on disk before it is
 * told.
 */
export class Contact {
  readonly #self: NodeName;
  readonly #peers: readonly NodeName[];
  readonly #ports: ContactPorts;
  readonly #heard: HeardFrom = new Map();
  /** Of nodes that go by the name of a member, with other keys. */
  readonly #pretenders: HeardFrom = new Map();
  /**
   * What this directory is called as long as it is empty. A new one at every start, so one that was let in, began to
   * vote and lost its data cannot come back as the peer that it was.
   */
  readonly #incarnation: string;
  #problem: string | null = null;
  #busy = false;
  #cancelTimer: (() => void) | null = null;

  constructor(self: NodeName, peers: readonly NodeName[], ports: ContactPorts) {
    this.#self = self;
    this.#peers = peers.toSorted();
    this.#ports = ports;
    this.#incarnation = Buffer.from(ports.randomBytes(16)).toString('hex');
  }

  /** Why this node is no member yet; null when it is. */
  get problem(): string | null {
    return this.#problem;
  }

  /** An empty node that asks to be let in; null where none of that name has said so lately. */
  candidate(name: NodeName): Candidate | null {
    const hello = this.#fresh().get(name);
    if (hello?.membership.kind !== 'empty' || hello.incarnation === null) return null;
    return { incarnation: hello.incarnation, identity: hello.identity };
  }

  start(): void {
    const { standing } = this.#ports;
    const beat = (): void => {
      this.announce();
      this.#consider();
      standing.onBeat();
      const pauseMs = this.#isMember && !standing.isComparing ? MEMBER_HELLO_EVERY_MS : SAY_HELLO_EVERY_MS;
      this.#cancelTimer = this.#ports.clock.after(pauseMs, beat);
    };
    beat();
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  /** Tells everybody at once, without waiting for the next time. */
  announce(): void {
    this.#ports.transport.broadcast('hello', encodeHello(this.#hello()));
  }

  /** Tells one node: it has just come into reach, or is owed an answer. */
  tell(node: NodeName, verdict: Verdict | null = null): void {
    this.#ports.transport.send(node, 'hello', encodeHello({ ...this.#hello(), verdict }));
  }

  /** Takes a frame of kind `hello`. */
  receive(frame: Frame): void {
    const hello = decodeHello(frame.from, frame.identity, frame.payload);
    if (hello === null) return;
    const own = this.#membership();
    const isPretender = this.#isPretender(hello);
    const heard = { hello, atMs: this.#ports.clock.monotonicMs() };
    (isPretender ? this.#pretenders : this.#heard).set(frame.from, heard);
    if (isPretender) {
      if (own.kind === 'member') this.#checkCluster(own.clusterId);
      return;
    }
    if (own.kind !== 'member') {
      this.#consider();
      return;
    }
    const { membership, table } = hello;
    this.#checkCluster(own.clusterId);
    if (membership.kind !== 'member') this.tell(frame.from);
    else if (membership.clusterId === own.clusterId) {
      const { isMember, knowsNobody, onTable } = this.#ports;
      const isFromMember = isMember(hello.node, hello.identity);
      if (table !== null && (isFromMember || knowsNobody())) onTable(table);
      if (isFromMember) this.#compare(hello);
    }
  }

  /** Under the name of a member with other keys only an empty directory is heard, which may ask to replace it. */
  #isPretender({ node, identity, membership }: Hello): boolean {
    const { isMember, isKnown, knowsNobody } = this.#ports;
    return isKnown(node) && !knowsNobody() && !isMember(node, identity) && membership.kind !== 'empty';
  }

  #compare({ node, life, verdict }: Hello): void {
    const { standing, isPeer } = this.#ports;
    if (verdict !== null && standing.learn(verdict)) this.tell(node);
    // What comes along with an answer is not answered: two nodes whose words do not count would never end.
    const answer = (found: Verdict): void => {
      if (verdict === null) this.tell(node, found);
    };
    if (life !== null && isPeer(node, life.peer)) standing.meet(life, answer);
  }

  /**
   * A directory that was put among the nodes of another cluster has nothing to say there. Its own members have other
   * keys; only where they are silent do those count that speak under their names.
   */
  #checkCluster(own: ClusterId): void {
    const others = this.#peers.filter((peer) => peer !== this.#self);
    const [members, pretenders] = [this.#fresh(), this.#fresh(this.#pretenders)];
    const foreign = others.flatMap((peer) => {
      const membership = (members.get(peer) ?? pretenders.get(peer))?.membership;
      return membership?.kind === 'member' && membership.clusterId !== own ? [[peer, membership.clusterId]] : [];
    });
    if (2 * foreign.length <= others.length) return;
    const [peer, cluster] = foreign[0]!;
    this.#ports.onFatal(
      new ParleyError('wrong_cluster', `This data directory belongs to cluster ${own}, but ${peer} to ${cluster}.`),
    );
  }

  get #isMember(): boolean {
    return this.#membership().kind === 'member';
  }

  #membership(): Membership {
    const { manifest, founding } = this.#ports.store;
    if (manifest !== undefined) return { kind: 'member', clusterId: manifest.clusterId };
    return founding === undefined ? { kind: 'empty' } : { kind: 'founding', clusterId: founding.clusterId };
  }

  #consider(): void {
    if (this.#busy || this.#isMember) return;
    const step = foundingStep(this.#hello(), this.#fresh());
    this.#problem = step.kind === 'wait' || step.kind === 'refuse' ? step.problem : null;
    if (step.kind === 'wait' || step.kind === 'refuse') return;
    this.#busy = true;
    this.#carryOut(step).then(
      () => {
        this.#busy = false;
      },
      (error: unknown) => this.#ports.onFatal(error),
    );
  }

  async #carryOut(step: Exclude<FoundingStep, { kind: 'wait' | 'refuse' }>): Promise<void> {
    const { store, randomBytes, onJoined } = this.#ports;
    if (step.kind === 'join' || step.kind === 'enter') {
      const manifest = step.kind === 'join' ? await store.join() : await store.enter(step.founding, step.peer);
      if (step.kind === 'enter') this.#learnTables(step.founding.clusterId);
      this.announce();
      onJoined(manifest);
      return;
    }
    const founding = step.kind === 'adopt' ? step.founding : this.#propose(clusterIdOf(randomBytes(16)));
    await store.recordFounding(founding);
    this.announce();
  }

  #propose(clusterId: ClusterId): Founding {
    const fresh = this.#fresh();
    const identityOf = (name: NodeName): PublicIdentity | null =>
      name === this.#self ? this.#ports.identity : (fresh.get(name)?.identity ?? null);
    return { clusterId, peers: foundingPeers(this.#peers, identityOf) };
  }

  #learnTables(clusterId: ClusterId): void {
    for (const { membership, table } of this.#fresh().values()) {
      if (table !== null && membership.kind === 'member' && membership.clusterId === clusterId) {
        this.#ports.onTable(table);
      }
    }
  }

  #fresh(heard = this.#heard): ReadonlyMap<NodeName, Hello> {
    const nowMs = this.#ports.clock.monotonicMs();
    const fresh = [...heard].filter(([, { atMs }]) => nowMs - atMs <= ANSWER_FRESH_MS);
    return new Map(fresh.map(([node, { hello }]) => [node, hello]));
  }

  #hello(): Hello {
    const membership = this.#membership();
    return {
      node: this.#self,
      membership,
      peers: this.#peers,
      incarnation: membership.kind === 'empty' ? this.#incarnation : null,
      identity: this.#ports.identity,
      founders: membership.kind === 'founding' ? (this.#ports.store.founding?.peers ?? null) : null,
      table: this.#ports.table(),
      life: this.#ports.standing.life(),
      verdict: null,
    };
  }
}
