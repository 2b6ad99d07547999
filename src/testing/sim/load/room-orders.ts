import { insist } from '../violation.ts';

interface RoomOrder {
  /** What stands at each place, from 1. */
  readonly txns: (string | undefined)[];
  /** The highest place that anybody was shown. */
  shown: number;
}

/**
 * What clients were told about the order of things, held against one history: every place has one transaction, every
 * transaction one place; what was shown once stays, and what is sent later comes later. For lists that only grow this
 * is linearizability.
 */
export class RoomOrders {
  readonly #rooms = new Map<string, RoomOrder>();
  readonly #places = new Map<string, string>();

  #room(room: string): RoomOrder {
    let order = this.#rooms.get(room);
    if (order === undefined) this.#rooms.set(room, (order = { txns: [], shown: 0 }));
    return order;
  }

  get rooms(): readonly string[] {
    return [...this.#rooms.keys()];
  }

  /** The highest place that a client can know of now: commands invoked from now on come after it. */
  floorOf(room: string): number {
    return this.#room(room).shown;
  }

  /** A client is told that `txn` stands at `seq`. */
  placed(room: string, seq: number, txn: string): void {
    const order = this.#room(room);
    const there = order.txns[seq];
    insist(there === undefined || there === txn, 'one-order', () => `${room}/${seq} is ${there} and ${txn}`);
    order.txns[seq] = txn;
    const place = `${room}/${seq}`;
    const known = this.#places.get(txn);
    insist(known === undefined || known === place, 'exactly-once', () => `${txn} stands at ${known} and at ${place}`);
    this.#places.set(txn, place);
    order.shown = Math.max(order.shown, seq);
  }

  /** The command is invoked when `floor` was known; it cannot have been there before. */
  sent(room: string, seq: number, txn: string, floor: number): void {
    insist(seq > floor, 'real-time-order', () => `${txn} at ${seq} was sent when ${floor} was known`);
    this.placed(room, seq, txn);
  }

  /** A linearizable read that began when `floor` was known shows this many. */
  read(node: string, room: string, shown: number, floor: number): void {
    insist(shown >= floor, 'stale-read', () => `${node} shows ${shown} of at least ${floor} in ${room}`);
    const order = this.#room(room);
    order.shown = Math.max(order.shown, shown);
  }

  /** In the end, a room is exactly this: everything that clients were told, without gaps, and nothing twice. */
  checkFinal(node: string, room: string, txns: readonly (string | undefined)[]): void {
    txns.forEach((txn, at) => {
      insist(txn !== undefined, 'gap', () => `${node} has nothing at ${room}/${at + 1}`);
      this.placed(room, at + 1, txn);
    });
    const { shown } = this.#room(room);
    insist(txns.length >= shown, 'lost', () => `${node} has ${txns.length} of ${shown} in ${room}`);
  }
}
