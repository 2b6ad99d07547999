import type { RaftEvent } from '../../consensus/events.ts';
import type { Message } from '../../consensus/message.ts';
import type { ConfState, PeerId } from '../../consensus/types.ts';
import { commandOrigin } from '../../node/command-origin.ts';
import { Contact } from '../../node/contact.ts';
import type { PlannedChange } from '../../node/membership/change-rules.ts';
import { ClusterAdmin } from '../../node/membership/cluster-admin.ts';
import type { MemberDirectory } from '../../node/membership/member-directory.ts';
import { decodeMemberTable, MEMBERS_ROW, type MemberTable } from '../../node/membership/member-table.ts';
import { directoryOf, foundingPeers, tableOf } from '../../node/peer-directory.ts';
import type { Frame, MemberVerb } from '../../node/ports.ts';
import { RaftPeer } from '../../node/raft/raft-peer.ts';
import { confStateOf } from '../../node/raft/recovery.ts';
import type { LeaderView } from '../../node/raft/raft-peer-types.ts';
import type { RaftSettings } from '../../node/raft/raft-settings.ts';
import { RaftGate } from '../../node/rollback/raft-gate.ts';
import { Standing } from '../../node/rollback/standing.ts';
import type { Founding, IntactStore, Manifest } from '../../node/store/node-store.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { Application, Machine } from './application.ts';
import type { DiskIdentity } from './node-disks.ts';
import type { Prng } from './prng.ts';
import type { SimHost } from './sim-host.ts';
import type { SimLogStore } from './sim-log-store.ts';
import type { Packet, SimNetwork } from './sim-network.ts';
import type { SimStateStore } from './sim-state-store.ts';
import { SimTransport } from './sim-transport.ts';
import type { VirtualTime } from './virtual-time.ts';
import { singleSeal } from '../store/test-keys.ts';

const SIMULATED_KEYS: IntactStore['keys'] = {
  status: { generation: 1, ageMs: 0, sealedRows: 0, retiring: [], resealing: null, wrappedBy: '' },
  rotate: () => Promise.resolve(),
  attach: () => {},
};

export interface SimProcessEnv {
  readonly time: VirtualTime;
  readonly host: SimHost;
  readonly network: SimNetwork;
  /** Numbers of all machines. */
  readonly hosts: readonly number[];
  /** Those that were named when it was started. */
  readonly peers: readonly NodeName[];
  readonly bootId: number;
  readonly identity: DiskIdentity;
  readonly log: SimLogStore;
  readonly state: SimStateStore;
  readonly settings: Partial<RaftSettings>;
  readonly turnMs: number;
  readonly application: Application;
  readonly prng: Prng;
  readonly isAlive: () => boolean;
  /** Runs `act` after the time a disk takes; the promise resolves inside the process, if that lives. */
  readonly onDisk: <T>(act: () => T) => Promise<T>;
  /** A promise was resolved: what waits for it has to run before anything else. */
  readonly settlePromises: () => void;
  readonly onSending: (message: Message) => void;
  readonly onReceived: (message: Message) => void;
  readonly onFrameSent: () => void;
  /** The Raft peer is about to start. */
  readonly onJoined: (peer: PeerId) => void;
  readonly onInstalled: (index: number) => void;
  readonly onLeaderChange: (view: LeaderView) => void;
  readonly onStall: () => void;
  /** It was found to run on an old copy of its disk. */
  readonly onRefused: () => void;
  readonly onRaftEvent: (event: RaftEvent) => void;
  readonly onFatal: (error: unknown) => void;
}

type Peer = RaftPeer<unknown, unknown>;

/** One run of one node: put together as `ParleyNode` is, on simulated ports. */
export class SimProcess {
  readonly #env: SimProcessEnv;
  readonly directory: MemberDirectory;
  readonly transport: SimTransport;
  readonly #standing: Standing;
  readonly #contact: Contact;
  readonly #admin: ClusterAdmin;
  #peer: Peer | undefined;

  constructor(env: SimProcessEnv) {
    this.#env = env;
    this.directory = directoryOf(foundingPeers(env.peers));
    this.transport = this.#buildTransport();
    const store = this.#buildStore();
    this.#standing = this.#buildStanding(store);
    this.#contact = this.#buildContact(store);
    this.#admin = this.#buildAdmin();
  }

  get log(): SimLogStore {
    return this.#env.log;
  }
  /** What it knows of its own past, and of that of others. */
  get standing(): Standing {
    return this.#standing;
  }
  get state(): SimStateStore {
    return this.#env.state;
  }
  /** Undefined until this node is a member. */
  get peer(): Peer | undefined {
    return this.#peer;
  }

  #buildTransport(): SimTransport {
    const { host, bootId, time, network, hosts, isAlive, onSending, onReceived, onFrameSent } = this.#env;
    const { directory } = this;
    const transport = new SimTransport({
      host,
      boot: bootId,
      time,
      network,
      hosts,
      directory,
      isAlive,
      onSending,
      onReceived,
      onFrameSent,
    });
    transport.onFrame((frame) => this.#route(frame));
    return transport;
  }

  #buildStanding(store: IntactStore): Standing {
    const { state, onFatal, onRefused } = this.#env;
    return new Standing({
      store,
      confState: () => (state.appliedIndex === 0 ? this.#foundingConfState() : state.confState),
      isMember: (peer) => this.directory.table.members.some((member) => member.peer === peer),
      onRefused: () => {
        onRefused();
        this.#peer?.stop({ transferLeadership: false }, () => {});
      },
      onFatal,
    });
  }

  #foundingConfState(): ConfState {
    return confStateOf((this.#env.identity.manifest?.peers ?? []).map(({ peerId }) => peerId));
  }

  #buildContact(store: IntactStore): Contact {
    const { host, prng, identity, peers, onFatal, settlePromises } = this.#env;
    return new Contact(host.name, peers, {
      transport: this.transport,
      clock: host.clock,
      store,
      randomBytes: (length) => {
        settlePromises();
        return Uint8Array.from({ length }, () => prng.below(256));
      },
      identity: null,
      table: () => (identity.manifest === undefined ? null : this.directory.table),
      onTable: (table) => this.#learn(table),
      standing: this.#standing,
      isKnown: () => false,
      isMember: () => true,
      knowsNobody: () => this.#env.state.appliedIndex === 0,
      isPeer: (node, peer) => this.directory.nameOf(peer) === node,
      onJoined: (manifest) => this.#join(manifest),
      onFatal,
    });
  }

  #buildStore(): IntactStore {
    const { host, identity, bootId, log, state, onDisk } = this.#env;
    const enter = (founding: Founding, peerId: PeerId): Manifest => {
      identity.manifest = { ...founding, formatVersion: 1, nodeName: host.name, peerId };
      identity.founding = founding;
      return identity.manifest;
    };
    return {
      kind: 'intact',
      repair: undefined,
      dir: host.name,
      // Nothing of it is on a disk.
      seals: { of: () => singleSeal() },
      keys: SIMULATED_KEYS,
      bootId,
      history: {
        get lineage() {
          return identity.lineage;
        },
        get refusal() {
          return identity.refusal;
        },
        confirm: () => onDisk(() => void (identity.lineage = { since: bootId, starts: [bootId] })),
        refuse: (reason) => onDisk(() => void (identity.refusal = reason)),
        sightings: identity.sightings,
        saveSightings: (sightings) => onDisk(() => void (identity.sightings = sightings)),
      },
      get manifest() {
        return identity.manifest;
      },
      get founding() {
        return identity.founding;
      },
      log,
      state,
      scrubber: { start: () => {}, verifiedAgoMs: null },
      recordFounding: (founding) => onDisk(() => void (identity.founding = founding)),
      join: () =>
        onDisk(() => {
          const founding = identity.founding!;
          return enter(founding, founding.peers.find(({ name }) => name === host.name)!.peerId);
        }),
      enter: (founding, peer) => onDisk(() => enter(founding, peer)),
      close: () => Promise.resolve(),
    };
  }

  #buildAdmin(): ClusterAdmin {
    const { host } = this.#env;
    return new ClusterAdmin({
      self: host.name,
      clock: host.clock,
      status: () => this.#peer?.status() ?? null,
      leader: () => this.#peer?.view().leader ?? null,
      refuse: () => {},
      table: () => this.directory.table,
      candidate: (name) => this.#contact.candidate(name),
      urlOf: () => null,
      changeMembership: (planned, deadlineMs) => this.#changeMembership(planned, deadlineMs),
      transferLeadership: (to) => this.#peer?.transferLeadership(to),
      // A replacement that could not be completed is tried again.
      onError: () => {},
    });
  }

  start(): void {
    const { manifest } = this.#env.identity;
    if (manifest !== undefined) this.#join(manifest);
    this.#contact.start();
  }

  /** A table from before this node was let in would make it forget itself. */
  #learn(table: MemberTable): void {
    const own = this.#env.identity.manifest?.peerId;
    if (own !== undefined && own < table.nextPeer) this.directory.hear(table);
  }

  #join(manifest: Manifest): void {
    const { host, bootId, log, state, settings, application, prng, isAlive } = this.#env;
    if (!isAlive()) return;
    this.directory.reset(tableOf(manifest));
    const stored = state.get(MEMBERS_ROW);
    if (stored !== undefined) this.directory.learn(decodeMemberTable(stored));
    this.#standing.begin(manifest.peerId);
    if (this.#standing.problem !== null) {
      this.#env.onRefused();
      return;
    }
    const machine = application.start(manifest.clusterId);
    this.#peer = new RaftPeer<unknown, unknown>(
      {
        clock: host.clock,
        log,
        state,
        transport: new RaftGate(this.transport, this.#standing),
        directory: this.directory,
        machine,
        random: () => prng.next(),
        defer: (callback) => void host.after(this.#env.turnMs, callback),
      },
      {
        self: host.name,
        peer: manifest.peerId,
        boot: commandOrigin(bootId, manifest.peerId),
        clusterId: manifest.clusterId,
        foundingVoters: manifest.peers.map((founder) => founder.peerId),
        settings,
      },
      this.#raftEvents(machine),
    );
    this.#env.onJoined(manifest.peerId);
    this.#peer.start(() => {});
    this.#admin.start();
  }

  #raftEvents(machine: Machine): ConstructorParameters<typeof RaftPeer<unknown, unknown>>[2] {
    const { isAlive, onFatal, onInstalled, onLeaderChange, onStall, onRaftEvent } = this.#env;
    return {
      onFatal: (error) => {
        if (isAlive()) onFatal(error);
      },
      onInstalled: (index) => {
        machine.forget();
        onInstalled(index);
      },
      onMembers: () => this.#contact.announce(),
      onLeaderChange,
      onStall,
      onRaftEvent: (event) => {
        if (isAlive()) onRaftEvent(event);
      },
    };
  }

  #route(frame: Frame): void {
    if (frame.kind !== 'hello') {
      this.#peer?.handleFrame(frame);
      return;
    }
    this.#contact.receive(frame);
    // It may have taken the next step towards membership, or have something to write down.
    this.#env.settlePromises();
  }

  // ---------------------------------------------------------------- from outside

  receive(packet: Packet): void {
    this.transport.receive(packet);
  }

  /** As `chatctl member` asks for it. */
  changeMembers(verb: MemberVerb, name: NodeName): Promise<void> {
    this.#env.settlePromises();
    return this.#admin.changeMembers(verb, name);
  }

  #changeMembership(planned: PlannedChange, deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#peer!.changeMembership(planned, deadlineMs, (error) => {
        if (error === undefined) resolve();
        else reject(error);
        this.#env.settlePromises();
      });
    });
  }
}
