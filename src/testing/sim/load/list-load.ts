import type { LogIndex } from '../../../consensus/types.ts';
import type { Application } from '../application.ts';
import {
  encodeListCommand,
  itemKey,
  lengthKey,
  ListMachine,
  readNumber,
  readText,
  type ListResult,
} from '../list-machine.ts';
import type { SimNode } from '../sim-node.ts';
import { insist } from '../violation.ts';
import { Arrivals } from './arrivals.ts';
import { Clients, type ClientsEnv, type Operation } from './clients.ts';
import type { Load } from './load.ts';
import { Reads } from './reads.ts';
import { RoomOrders } from './room-orders.ts';

export interface LoadRates {
  readonly proposalsPerSecond: number;
  readonly readsPerSecond: number;
}

const ROOMS = ['a', 'b', 'c'];

/** Clients that append to shared lists through every node. */
export class ListLoad implements Load {
  readonly application: Application = {
    start: () => {
      const machine = new ListMachine();
      return { apply: (view, batch) => machine.apply(view, batch), forget: () => {} };
    },
  };
  readonly #env: ClientsEnv;
  readonly #clients: Clients;
  readonly #orders = new RoomOrders();
  readonly #reads: Reads;
  readonly #arrivals: Arrivals;
  #invoked = 0;

  constructor(env: ClientsEnv, { proposalsPerSecond, readsPerSecond }: LoadRates) {
    this.#env = env;
    this.#clients = new Clients(env);
    this.#reads = new Reads({
      env,
      orders: this.#orders,
      perSecond: readsPerSecond,
      lengthAt: (node, room) => readNumber(node.state?.get(lengthKey(room))),
      txnAt: (node, room, seq) => readText(node.state?.get(itemKey(room, seq))),
    });
    this.#arrivals = new Arrivals(env, proposalsPerSecond, () => this.#invoke());
  }

  get pending(): number {
    return this.#clients.pending;
  }
  get attempts(): number {
    return this.#clients.attempts;
  }
  get acked(): number {
    return this.#clients.acked;
  }
  get reads(): number {
    return this.#reads.count;
  }

  start(): void {
    this.#arrivals.start();
    this.#reads.start();
  }

  stop(): void {
    this.#arrivals.stop();
    this.#reads.stop();
  }

  burst(commands: number): void {
    for (let i = 0; i < commands; i += 1) this.#invoke();
  }

  #invoke(): void {
    if (this.#clients.isBusy) return;
    const room = this.#env.prng.pick(ROOMS);
    this.#invoked += 1;
    this.#clients.run(this.#append(room, `t${this.#invoked}`));
  }

  #append(room: string, txn: string): Operation {
    const floor = this.#orders.floorOf(room);
    const command = encodeListCommand({ room, txn });
    return {
      encode: () => command,
      settle: (raw: unknown, index: LogIndex) => {
        const result = raw as ListResult;
        insist(result.room === room && result.txn === txn, 'answer', () => `${result.txn} answers ${txn}`);
        this.#orders.sent(room, result.seq, txn, floor);
        this.#reads.followUp(room, result.seq, txn, index);
        return true;
      },
    };
  }

  checkFinal({ name, state }: SimNode): void {
    for (const room of ROOMS) {
      const length = readNumber(state!.get(lengthKey(room)));
      const txns = Array.from({ length }, (_, at) => readText(state!.get(itemKey(room, at + 1))));
      this.#orders.checkFinal(name, room, txns);
    }
  }
}
