import type { Application } from '../application.ts';
import type { SimNode } from '../sim-node.ts';
import { Arrivals } from './arrivals.ts';
import { Clients, type ClientsEnv } from './clients.ts';
import type { Load } from './load.ts';
import { Reads, type ReadsOptions } from './reads.ts';
import { RoomOrders } from './room-orders.ts';

export interface LoadRates {
  readonly proposalsPerSecond: number;
  readonly readsPerSecond: number;
}

/** How the state of a node tells what stands in its rooms. */
export type RoomProbes = Pick<ReadsOptions, 'lengthAt' | 'txnAt'>;

/** Commands that come at random times, reads, and what both show of the order in each room. */
export abstract class Traffic implements Load {
  abstract readonly application: Application;
  protected readonly clients: Clients;
  protected readonly orders = new RoomOrders();
  protected readonly linearizable: Reads;
  readonly #arrivals: Arrivals;

  constructor(env: ClientsEnv, { proposalsPerSecond, readsPerSecond }: LoadRates, probes: RoomProbes) {
    this.clients = new Clients(env);
    this.linearizable = new Reads({ env, orders: this.orders, perSecond: readsPerSecond, ...probes });
    this.#arrivals = new Arrivals(env, proposalsPerSecond, () => this.#invoke());
  }

  get pending(): number {
    return this.clients.pending;
  }
  get attempts(): number {
    return this.clients.attempts;
  }
  get acked(): number {
    return this.clients.acked;
  }
  get reads(): number {
    return this.linearizable.count;
  }

  start(): void {
    this.#arrivals.start();
    this.linearizable.start();
  }

  stop(): void {
    this.#arrivals.stop();
    this.linearizable.stop();
  }

  burst(commands: number): void {
    for (let i = 0; i < commands; i += 1) this.#invoke();
  }

  #invoke(): void {
    if (!this.clients.isBusy) this.invoke();
  }

  /** Somebody wants something. */
  protected abstract invoke(): void;

  abstract checkFinal(node: SimNode): void;
}
