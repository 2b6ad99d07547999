import type { LogIndex } from '../../../consensus/types.ts';
import type { SimNode } from '../sim-node.ts';
import type { ClientsEnv } from './clients.ts';
import type { RoomOrders } from './room-orders.ts';

const DEADLINE_MS = 1_000;

export interface ReadsOptions {
  readonly env: ClientsEnv;
  readonly orders: RoomOrders;
  readonly perSecond: number;
  /** How many things a node shows in a room, and what the transaction at a place is. */
  readonly lengthAt: (node: SimNode, room: string) => number;
  readonly txnAt: (node: SimNode, room: string, seq: number) => string | undefined;
}

/** Clients that read: linearizably after a barrier, and what they wrote themselves on any other node. */
export class Reads {
  readonly #options: ReadsOptions;
  #running = false;
  count = 0;

  constructor(options: ReadsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = true;
    this.#later();
  }

  stop(): void {
    this.#running = false;
  }

  #later(): void {
    const { env, perSecond } = this.#options;
    env.time.after(env.prng.between(0, 2_000 / perSecond), () => {
      if (!this.#running) return;
      const node = env.prng.pick(env.nodes);
      const { rooms } = this.#options.orders;
      if (rooms.length > 0) this.#read(node, env.prng.pick(rooms));
      this.#later();
    });
  }

  /** After a read barrier, a node shows everything that anybody knew of before the barrier was asked for. */
  #read(node: SimNode, room: string): void {
    const { env, orders, lengthAt, txnAt } = this.#options;
    const floor = orders.floorOf(room);
    node.host.soon(() => {
      const asked = node.peer?.view();
      node.peer?.readBarrier(DEADLINE_MS, (error) => {
        if (error !== undefined) return;
        const shown = lengthAt(node, room);
        orders.read(node.name, room, shown, floor);
        const last = shown > 0 ? txnAt(node, room, shown) : undefined;
        if (last !== undefined) orders.placed(room, shown, last);
        if (asked?.leader !== null && asked?.term !== node.peer?.view().term) {
          env.coverage.note('read across a change of leader');
        }
        env.coverage.note(node.leads ? 'read on the leader' : 'read on a follower');
        this.count += 1;
      });
    });
  }

  /** Whoever was told that its command is applied at `index` finds it on a node that has applied as much. */
  followUp(room: string, seq: number, txn: string, index: LogIndex): void {
    const { env, orders, txnAt } = this.#options;
    if (!env.prng.chance(0.05)) return;
    const node = env.prng.pick(env.nodes);
    node.host.soon(() => {
      node.peer?.waitForIndex(index, DEADLINE_MS, (error) => {
        if (error !== undefined) return;
        orders.placed(room, seq, txnAt(node, room, seq) ?? `nothing instead of ${txn}`);
        env.coverage.note('own command read elsewhere');
      });
    });
  }
}
