import { Packr } from 'msgpackr';
import type { Clock, Transport } from './ports.ts';
import type { RaftSettings } from './raft/raft-settings.ts';
import type { NodeName } from '../protocol/ids.ts';
import type { StatusJson } from '../protocol/http/schemas.ts';

type NodeStatus = StatusJson['nodes'][number];

/** What a node tells the others about itself: ephemeral, never in the log. */
export interface NodeInfo extends Omit<NodeStatus, 'up' | 'lag'> {
  /** The leader as this node sees it. */
  readonly leader: string | null;
  /** How it confirms linearizable reads. */
  readonly reads: RaftSettings['reads'];
  /** The newest epoch of the ring whose key it holds. */
  readonly keyEpoch: number | null;
  readonly messagesPerSecond: number;
  readonly eventLoopLagMs: number;
  /** Its clock as it said this, milliseconds since the epoch. */
  readonly wallMs: number;
}

interface Heard {
  readonly info: NodeInfo;
  readonly atMs: number;
}

const FORMAT = 1;
const TELL_EVERY_MS = 500;
/** Silent for longer: taken to be down. Generous, because a busy node may skip a beat. */
const FRESH_MS = 2_500;

const packr = new Packr({ useRecords: false });

/**
 * Nodes announce themselves on joining, tell their state twice a second and when asked, and are taken to be gone
 * when they fall silent.
 */
export class NodeInfoExchange {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #self: () => NodeInfo;
  readonly #onTold: (node: NodeName, info: NodeInfo) => void;
  readonly #heard = new Map<NodeName, Heard>();
  readonly #asking = new Set<(node: NodeName) => void>();
  #cancelTimer: (() => void) | null = null;

  constructor(ports: {
    readonly transport: Transport;
    readonly clock: Clock;
    readonly self: () => NodeInfo;
    readonly onTold: (node: NodeName, info: NodeInfo) => void;
  }) {
    this.#transport = ports.transport;
    this.#clock = ports.clock;
    this.#self = ports.self;
    this.#onTold = ports.onTold;
  }

  start(): void {
    const beat = (): void => {
      this.#transport.broadcast('node-info', this.#encode(false));
      this.#cancelTimer = this.#clock.after(TELL_EVERY_MS, beat);
    };
    beat();
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  /** What a node last said, however long ago. */
  last(node: NodeName): NodeInfo | null {
    return this.#heard.get(node)?.info ?? null;
  }

  isFresh(node: NodeName): boolean {
    const heard = this.#heard.get(node);
    return heard !== undefined && this.#clock.monotonicMs() - heard.atMs <= FRESH_MS;
  }

  /** Asks everybody now. Resolves with those who answered, as soon as all have or at the deadline. */
  async ask(nodes: readonly NodeName[], timeoutMs: number): Promise<ReadonlySet<NodeName>> {
    const missing = new Set(nodes);
    if (missing.size === 0) return new Set();
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel();
        this.#asking.delete(onAnswer);
        resolve(new Set(nodes.filter((node) => !missing.has(node))));
      };
      const onAnswer = (node: NodeName): void => {
        missing.delete(node);
        if (missing.size === 0) finish();
      };
      const cancel = this.#clock.after(timeoutMs, finish);
      this.#asking.add(onAnswer);
      this.#transport.broadcast('node-info', this.#encode(true));
    });
  }

  /** Takes a frame of kind `node-info`. */
  receive(from: NodeName, payload: Uint8Array): void {
    const decoded: unknown = packr.unpack(payload);
    if (!Array.isArray(decoded) || decoded[0] !== FORMAT) return;
    const [, asks, info] = decoded as [number, boolean, NodeInfo];
    this.#heard.set(from, { info, atMs: this.#clock.monotonicMs() });
    this.#onTold(from, info);
    if (asks) this.#transport.send(from, 'node-info', this.#encode(false));
    else for (const onAnswer of this.#asking) onAnswer(from);
  }

  #encode(asks: boolean): Uint8Array {
    return packr.pack([FORMAT, asks, this.#self()]);
  }
}
