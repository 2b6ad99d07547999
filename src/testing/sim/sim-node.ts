import type { Message } from '../../consensus/message.ts';
import type { PeerId } from '../../consensus/types.ts';
import { directoryOf } from '../../node/peer-directory.ts';
import type { LogWrite } from '../../node/ports.ts';
import { RaftPeer } from '../../node/raft/raft-peer.ts';
import type { ClusterId } from '../../protocol/ids.ts';
import type { Observed, SafetyChecker } from './checkers.ts';
import { ListMachine, type ListEvent, type ListResult } from './list-machine.ts';
import type { LogImage } from './log-image.ts';
import type { Mutant, WorldTraits } from './options.ts';
import type { Prng } from './prng.ts';
import { SimDisk } from './sim-disk.ts';
import type { SimHost } from './sim-host.ts';
import { SimLogStore } from './sim-log-store.ts';
import type { Packet, SimNetwork } from './sim-network.ts';
import { SimStateDisk } from './sim-state-disk.ts';
import { SimStateStore } from './sim-state-store.ts';
import { nameOfNumber, numberOfName, SimTransport } from './sim-transport.ts';
import type { VirtualTime } from './virtual-time.ts';
import { Violation } from './violation.ts';

export interface SimNodeEnv {
  readonly time: VirtualTime;
  readonly prng: Prng;
  readonly host: SimHost;
  readonly network: SimNetwork;
  readonly nodes: readonly number[];
  readonly traits: WorldTraits;
  readonly mutant: Mutant | undefined;
  readonly checker: SafetyChecker;
  readonly trace: (node: number, what: string, a: number, b: number) => void;
  readonly fail: (violation: Violation) => void;
  /** A promise was resolved: what waits for it has to run before anything else. */
  readonly settlePromises: () => void;
}

const CLUSTER = 'Csimulationaaaaaaaaaaaaaaaa' as ClusterId;

interface Process {
  readonly boot: number;
  readonly peer: RaftPeer<ListResult, ListEvent>;
  readonly log: SimLogStore;
  readonly state: SimStateStore;
  readonly transport: SimTransport;
}

/** One simulated node: disks that survive, and the real driver and core that run on them until they are killed. */
export class SimNode implements Observed {
  readonly #env: SimNodeEnv;
  readonly #disk: SimDisk;
  readonly #stateDisk: SimStateDisk;
  #process: Process | undefined;
  #boots = 0;
  /** Dies after so many more messages were handed to the network, in the middle of whatever it does. */
  #messagesUntilCrash = Number.POSITIVE_INFINITY;

  constructor(env: SimNodeEnv) {
    this.#env = env;
    const { time, prng, traits, mutant } = env;
    this.#disk = new SimDisk({
      time,
      prng,
      syncMs: traits.syncMs,
      stallChance: 0.01,
      stallMs: 60,
      lies: {
        acknowledgesBeforeSync: mutant === 'ack-before-fsync',
        votesAreNotSynced: mutant === 'vote-not-durable',
      },
    });
    this.#stateDisk = new SimStateDisk(prng);
  }

  get name(): string {
    return this.#env.host.name;
  }
  get number(): number {
    return this.#env.host.number;
  }
  get host(): SimHost {
    return this.#env.host;
  }
  get log(): LogImage {
    return this.#process?.log.image ?? this.#disk.durable;
  }
  get durable(): LogImage {
    return this.#disk.durable;
  }
  get installing(): boolean {
    return this.#process?.peer.installing ?? false;
  }
  get peer(): RaftPeer<ListResult, ListEvent> | undefined {
    return this.#process?.peer;
  }
  get state(): SimStateStore | undefined {
    return this.#process?.state;
  }
  get watched(): string | null {
    return this.#process?.transport.watched ?? null;
  }

  boot(): void {
    const { host, checker } = this.#env;
    host.boot();
    this.#boots += 1;
    this.#messagesUntilCrash = Number.POSITIVE_INFINITY;
    checker.restarted(this);
    const process = this.#buildProcess(this.#boots * 64 + this.number, host.epoch);
    this.#process = process;
    process.peer.start(() => {});
  }

  #buildProcess(boot: number, epoch: number): Process {
    const { host, network, nodes, traits, prng, mutant } = this.#env;
    const isAlive = (): boolean => host.epoch === epoch && host.isUp;
    const log = new SimLogStore({
      disk: this.#disk,
      isAlive,
      intoProcess: (callback) => {
        if (isAlive()) host.soon(callback);
      },
      onAccepted: (write, image) => this.#onAccepted(write, image),
    });
    const state = this.#buildState(isAlive);
    const transport = new SimTransport({
      host,
      boot,
      network,
      nodes,
      isAlive,
      onSending: (message) => this.#onSending(message),
      onReceived: (message) => this.#env.trace(this.number, message.type, message.term, message.index),
    });
    const peer = new RaftPeer<ListResult, ListEvent>(
      {
        clock: host.clock,
        log,
        state,
        transport,
        directory: directoryOf(nodes.map((number) => ({ name: nameOfNumber(number), peerId: number as PeerId }))),
        machine: new ListMachine({ forgetsTransactions: mutant === 'duplicate-on-retry' }),
        random: () => prng.next(),
        defer: (callback) => host.soon(callback),
      },
      {
        self: host.name,
        peer: numberOfName(host.name) as PeerId,
        boot,
        clusterId: CLUSTER,
        foundingVoters: nodes as readonly PeerId[],
        settings: traits.settings,
      },
      {
        onFatal: (error) => {
          if (isAlive()) this.#env.fail(asViolation(this.name, error));
        },
        onInstalled: (index) => this.#env.trace(this.number, 'installed', index, 0),
        onLeaderChange: ({ term, leader }) =>
          this.#env.trace(this.number, 'leader', term, leader === null ? 0 : numberOfName(leader)),
      },
    );
    transport.onFrame((frame) => void peer.handleFrame(frame));
    return { boot, peer, log, state, transport };
  }

  #buildState(isAlive: () => boolean): SimStateStore {
    const { host, time, prng, checker, trace } = this.#env;
    return new SimStateStore({
      disk: this.#stateDisk,
      isAlive,
      onDisk: (act) =>
        new Promise((resolve, reject) => {
          time.after(prng.latency(1, 0.05, 40), () => {
            if (!isAlive()) return;
            try {
              const result = act();
              host.soon(() => {
                resolve(result);
                this.#env.settlePromises();
              });
            } catch (error) {
              reject(error);
              this.#env.settlePromises();
            }
          });
        }),
      onCommitted: ({ index }, image) => {
        this.look();
        trace(this.number, 'applied', index, image.hash);
        checker.applied(this, index, image.hash, false);
      },
      onInstalled: (image) => {
        this.look();
        checker.applied(this, image.index, image.hash, true);
      },
    });
  }

  #onAccepted({ entries }: LogWrite, image: LogImage): void {
    this.#env.checker.accepted({ ...this.#identity(), log: image, durable: this.durable, installing: false }, entries);
  }

  #identity(): { name: string; number: number } {
    return { name: this.name, number: this.number };
  }

  #onSending(message: Message): void {
    this.#env.checker.sending(this, message);
    this.#messagesUntilCrash -= 1;
    if (this.#messagesUntilCrash <= 0) this.crash();
  }

  /** Holds what the core says now against the promises. */
  look(): void {
    const view = this.#process?.peer.coreView;
    if (view !== undefined) this.#env.checker.viewed(this, view);
  }

  crash(): void {
    this.#env.trace(this.number, 'crash', 0, 0);
    this.#env.host.crash();
    this.#disk.crash();
    this.#stateDisk.crash();
    this.#process = undefined;
  }

  crashAfterMessages(count: number): void {
    this.#messagesUntilCrash = count;
  }

  stallDisk(durationMs: number): void {
    this.#disk.stall(durationMs);
  }

  syncSomeState(): void {
    this.#stateDisk.syncSome();
  }

  receive(packet: Packet): void {
    this.#process?.transport.receive(packet);
  }

  hint(node: number): void {
    this.#process?.transport.hint(nameOfNumber(node));
  }
}

function asViolation(node: string, error: unknown): Violation {
  if (error instanceof Violation) return error;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Violation('fatal', `${node}: ${text}`, { cause: error });
}
