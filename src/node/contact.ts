import { Packr } from 'msgpackr';
import { foundingStep } from './founding.ts';
import { clusterIdOf } from '../protocol/derive-ids.ts';
import { isClusterId, isNodeName } from '../protocol/ids.ts';
import type { Hello, Membership } from './founding.ts';
import type { Clock, Frame, Transport } from './ports.ts';
import type { Founding, IntactStore, Manifest } from './store/node-store.ts';
import type { ClusterId, NodeName } from '../protocol/ids.ts';

const FORMAT = 1;
const SAY_HELLO_EVERY_MS = 200;
/** An answer counts this long: all peers must be there at the same time for a cluster to be founded. */
const ANSWER_FRESH_MS = 3_000;

const packr = new Packr({ useRecords: false });

interface ContactPorts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly store: IntactStore;
  /** Fresh random bytes, for the cluster id. */
  readonly randomBytes: (length: number) => Uint8Array;
  readonly foundingOf: (clusterId: ClusterId) => Founding;
  /** Told once this node is a member and may vote. */
  readonly onJoined: (manifest: Manifest) => void;
  readonly onFatal: (error: unknown) => void;
}

/**
 * Says hello to the other nodes until this one is a member, and answers theirs ever after. Carries out the steps
 * that `foundingStep` decides, one at a time, each on disk before it is told.
 */
export class Contact {
  readonly #self: NodeName;
  readonly #peers: readonly NodeName[];
  readonly #ports: ContactPorts;
  readonly #heard = new Map<NodeName, { readonly hello: Hello; readonly atMs: number }>();
  #problem: string | null = null;
  #busy = false;
  #cancelTimer: (() => void) | null = null;

  constructor(self: NodeName, peers: readonly NodeName[], ports: ContactPorts) {
    this.#self = self;
    this.#peers = peers.toSorted();
    this.#ports = ports;
  }

  /** Why this node is no member yet; null when it is. */
  get problem(): string | null {
    return this.#problem;
  }

  start(): void {
    if (this.#membership().kind === 'member') return;
    const beat = (): void => {
      this.#ports.transport.broadcast('hello', this.#encode());
      this.#consider();
      if (this.#membership().kind !== 'member') this.#cancelTimer = this.#ports.clock.after(SAY_HELLO_EVERY_MS, beat);
    };
    beat();
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  /** Takes a frame of kind `hello`. */
  receive(frame: Frame): void {
    const hello = decodeHello(frame.from, frame.payload);
    if (hello === null) return;
    this.#heard.set(frame.from, { hello, atMs: this.#ports.clock.monotonicMs() });
    if (this.#membership().kind !== 'member') this.#consider();
    else if (hello.membership.kind !== 'member') this.#ports.transport.send(frame.from, 'hello', this.#encode());
  }

  #membership(): Membership {
    const { manifest, founding } = this.#ports.store;
    if (manifest !== undefined) return { kind: 'member', clusterId: manifest.clusterId };
    return founding === undefined ? { kind: 'empty' } : { kind: 'founding', clusterId: founding.clusterId };
  }

  #consider(): void {
    if (this.#busy || this.#membership().kind === 'member') return;
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

  async #carryOut(step: { kind: 'propose' } | { kind: 'adopt' | 'join'; clusterId: ClusterId }): Promise<void> {
    const { store, transport, foundingOf, randomBytes, onJoined } = this.#ports;
    if (step.kind === 'join') {
      const manifest = await store.join();
      transport.broadcast('hello', this.#encode());
      onJoined(manifest);
      return;
    }
    const clusterId = step.kind === 'propose' ? clusterIdOf(randomBytes(16)) : step.clusterId;
    await store.recordFounding(foundingOf(clusterId));
    transport.broadcast('hello', this.#encode());
  }

  #fresh(): ReadonlyMap<NodeName, Hello> {
    const nowMs = this.#ports.clock.monotonicMs();
    const fresh = [...this.#heard].filter(([, { atMs }]) => nowMs - atMs <= ANSWER_FRESH_MS);
    return new Map(fresh.map(([node, { hello }]) => [node, hello]));
  }

  #hello(): Hello {
    return { node: this.#self, membership: this.#membership(), peers: this.#peers };
  }

  #encode(): Uint8Array {
    const { membership, peers } = this.#hello();
    return packr.pack([FORMAT, membership.kind, membership.kind === 'empty' ? null : membership.clusterId, peers]);
  }
}

/** Null for what is not a hello of this format. */
function decodeHello(node: NodeName, payload: Uint8Array): Hello | null {
  const value: unknown = packr.unpack(payload);
  if (!Array.isArray(value) || value[0] !== FORMAT) return null;
  const [, kind, clusterId, peers] = value as unknown[];
  if (!Array.isArray(peers) || !peers.every((peer) => typeof peer === 'string' && isNodeName(peer))) return null;
  if (kind === 'empty') return { node, membership: { kind }, peers };
  if ((kind !== 'founding' && kind !== 'member') || typeof clusterId !== 'string' || !isClusterId(clusterId)) {
    return null;
  }
  return { node, membership: { kind, clusterId }, peers };
}
