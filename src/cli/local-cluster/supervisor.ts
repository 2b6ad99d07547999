import { setTimeout as delay } from 'node:timers/promises';
import { ChildNode } from './child-node.ts';
import { preflight } from './preflight.ts';
import type { ChildOptions } from './child-node.ts';
import type { ClusterLayout, NodePlace } from './layout.ts';

const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 10_000;
/** A node that ran this long starts again with the shortest back-off. */
const HEALTHY_AFTER_MS = 30_000;
const STOP_GRACE_MS = 15_000;

export interface SupervisorOptions extends ChildOptions {
  /** Whether a node that dies is started again. */
  readonly restart: boolean;
  /** Told what happens, one sentence at a time. */
  readonly say: (sentence: string) => void;
}

interface Slot {
  readonly place: NodePlace;
  child: ChildNode | null;
  /** Set while the node is meant to run. */
  wanted: boolean;
  backoffMs: number;
}

/** Runs all nodes of a cluster on this machine: `npm start`, the chaos harness, the bench and the tests use it. */
export class Supervisor {
  readonly layout: ClusterLayout;
  readonly #options: SupervisorOptions;
  readonly #slots: readonly Slot[];
  readonly #watches = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(layout: ClusterLayout, options: SupervisorOptions) {
    this.layout = layout;
    this.#options = options;
    this.#slots = layout.nodes.map((place) => ({ place, child: null, wanted: false, backoffMs: BACKOFF_MS_MIN }));
  }

  /** Checks ports and data, then starts every node. @throws ParleyError before anything is started */
  async start(): Promise<void> {
    await preflight(this.layout);
    for (const { place } of this.#slots) this.startNode(place.name);
  }

  child(name: string): ChildNode | null {
    return this.#slot(name).child;
  }

  /** Starts a node that is not running. */
  startNode(name: string): ChildNode {
    const slot = this.#slot(name);
    if (slot.child?.running === true) return slot.child;
    const child = new ChildNode(this.layout, slot.place, this.#options);
    slot.child = child;
    slot.wanted = true;
    const watch = this.#watch(slot, child);
    this.#watches.add(watch);
    void watch.finally(() => this.#watches.delete(watch));
    return child;
  }

  /** Stops one node for good (until `startNode`), gracefully, then by force. */
  async stopNode(name: string): Promise<void> {
    const slot = this.#slot(name);
    slot.wanted = false;
    await stopChild(slot.child);
  }

  /** Ends a node at once, as a power cut of its process would. With its nats-server if asked. */
  async killNode(name: string, options: { withSidecar: boolean }): Promise<void> {
    const slot = this.#slot(name);
    if (slot.child === null) return;
    const natsPid = slot.child.natsPid;
    if (!this.#options.restart) slot.wanted = false;
    slot.child.kill('SIGKILL');
    if (options.withSidecar && natsPid !== null) killQuietly(natsPid, 'SIGKILL');
    await slot.child.exited;
  }

  /** Stops every node; the data stays. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const slot of this.#slots) slot.wanted = false;
    await Promise.all(this.#slots.map((slot) => stopChild(slot.child)));
    await Promise.all(this.#watches);
  }

  #slot(name: string): Slot {
    const slot = this.#slots.find((candidate) => candidate.place.name === name);
    if (slot === undefined) throw new Error(`There is no node ${name} in this cluster.`);
    return slot;
  }

  async #watch(slot: Slot, child: ChildNode): Promise<void> {
    const startedAt = performance.now();
    const { code, signal } = await child.exited;
    if (!slot.wanted || slot.child !== child || this.#stopping.signal.aborted) return;
    const how = signal ?? `exit code ${code}`;
    const words = code === 0 || code === null ? null : child.lastWords();
    const said = words === null ? '' : `: ${words}`;
    if (!this.#options.restart) {
      this.#options.say(`${slot.place.name} ended (${how})${said}`);
      return;
    }
    if (performance.now() - startedAt > HEALTHY_AFTER_MS) slot.backoffMs = BACKOFF_MS_MIN;
    this.#options.say(`${slot.place.name} died (${how})${said}; restarting it in ${slot.backoffMs / 1000} s`);
    const waited = await delay(slot.backoffMs, true, { signal: this.#stopping.signal }).catch(() => false);
    slot.backoffMs = Math.min(slot.backoffMs * 2, BACKOFF_MS_MAX);
    if (!waited || !slot.wanted || slot.child !== child) return;
    const next = this.startNode(slot.place.name);
    this.#options.say(`${slot.place.name} restarted (pid ${next.pid})`);
  }
}

async function stopChild(child: ChildNode | null): Promise<void> {
  if (child === null) return;
  const natsPid = child.natsPid;
  child.kill('SIGTERM');
  const grace = new AbortController();
  const expired = delay(STOP_GRACE_MS, 'expired' as const, { signal: grace.signal }).catch(() => 'stopped' as const);
  const outcome = await Promise.race([child.exited.then(() => 'stopped' as const), expired]);
  grace.abort();
  if (outcome === 'expired') {
    child.kill('SIGKILL');
    await child.exited;
    if (natsPid !== null && child.natsPid === natsPid) killQuietly(natsPid, 'SIGTERM');
  }
}

function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
