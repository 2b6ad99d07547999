import { KEYS } from '../../../chat/keys.ts';
import { findExpired } from '../../../chat/queries-sweep.ts';
import { readRow } from '../../../chat/queries-rows.ts';
import { messageCodec, roomCodec } from '../../../chat/room-rows.ts';
import { ChatMachine } from '../../../node/chat-machine.ts';
import type { CommandResult } from '../../../protocol/commands.ts';
import type { RoomId } from '../../../protocol/ids.ts';
import type { Application } from '../application.ts';
import type { SimNode } from '../sim-node.ts';
import { insist } from '../violation.ts';
import { Arrivals } from './arrivals.ts';
import { ChatPeople, type Sending } from './chat-people.ts';
import { Clients, type ClientsEnv, type Operation } from './clients.ts';
import type { LoadRates } from './list-load.ts';
import type { Load } from './load.ts';
import { Reads } from './reads.ts';
import { RoomOrders } from './room-orders.ts';

const SWEEP_EVERY_MS = 5_000;
const SWEEP_ROWS_MAX = 500;
const ROSTER_CHANGE_CHANCE = 0.005;

/** People who register, log in, make rooms, write to each other and enrol further devices. */
export class ChatLoad implements Load {
  readonly application: Application = {
    // Signatures are not what is tried here: they would take most of the time.
    start: (cluster) => new ChatMachine(cluster, { verifyDeviceRecord: () => true }),
  };
  readonly #env: ClientsEnv & { readonly settlePromises: () => void };
  readonly #clients: Clients;
  readonly #orders = new RoomOrders();
  readonly #people: ChatPeople;
  readonly #reads: Reads;
  readonly #arrivals: Arrivals;
  #running = false;

  constructor(env: ClientsEnv & { readonly settlePromises: () => void }, rates: LoadRates) {
    this.#env = env;
    this.#clients = new Clients(env);
    this.#people = new ChatPeople({ env, run: (operation) => this.#clients.run(operation) });
    this.#reads = new Reads({
      env,
      orders: this.#orders,
      perSecond: rates.readsPerSecond,
      lengthAt: (node, room) => lengthOf(node, room as RoomId),
      txnAt: (node, room, seq) => txnAt(node, room as RoomId, seq),
    });
    this.#arrivals = new Arrivals(env, rates.proposalsPerSecond, () => this.#invoke());
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
    this.#running = true;
    this.#people.begin();
    this.#arrivals.start();
    this.#reads.start();
    this.#sweepLater();
  }

  stop(): void {
    this.#running = false;
    this.#arrivals.stop();
    this.#reads.stop();
  }

  burst(commands: number): void {
    for (let i = 0; i < commands; i += 1) this.#invoke();
  }

  #invoke(): void {
    if (this.#clients.isBusy) return;
    if (this.#env.prng.chance(ROSTER_CHANGE_CHANCE)) this.#people.changeRoster();
    const sending = this.#people.nextSending();
    if (sending !== undefined) this.#clients.run(this.#send(sending));
  }

  #send(sending: Sending): Operation {
    const { room, txnId } = sending;
    const floor = this.#orders.floorOf(room);
    let refused = false;
    let first: { readonly told: string; readonly index: number } | undefined;
    return {
      encode: (node) => sending.encode(node),
      settle: (raw, index) => {
        const result = raw as CommandResult<'message.send'>;
        if (!result.ok) {
          // It may be told late; what counts is when it was applied.
          const before = first === undefined || index <= first.index;
          insist(
            before,
            'exactly-once',
            () => `${txnId}, sent at ${first?.index}, is refused at ${index}: ${result.code}`,
          );
          if (result.code === 'stale_devices') {
            this.#env.coverage.note('message sealed again for a new roster');
            return false;
          }
          // Whoever was removed from the room meanwhile cannot write there.
          insist(result.code === 'no_such_room', 'refusal', () => `${txnId}: ${result.code} ${result.detail ?? ''}`);
          this.#env.coverage.note('message refused to a former member');
          refused = true;
          return true;
        }
        const told = JSON.stringify(result.value);
        first ??= { told, index: result.value.index };
        insist(first.told === told, 'exactly-once', () => `${txnId} is told ${first?.told} and ${told}`);
        // A refusal is no promise: sent once more, the message may find its sender back in the room.
        if (refused) this.#orders.placed(room, result.value.seq, txnId);
        else this.#orders.sent(room, result.value.seq, txnId, floor);
        this.#reads.followUp(room, result.value.seq, txnId, index);
        return true;
      },
    };
  }

  /** The leader's housekeeping. */
  #sweepLater(): void {
    const { time, nodes, settlePromises } = this.#env;
    time.after(SWEEP_EVERY_MS, () => {
      if (!this.#running) return;
      const leader = nodes.find((node) => node.leads);
      const state = leader?.state;
      if (state !== undefined) {
        void findExpired(state, state.lastStampMs, SWEEP_ROWS_MAX).then((keys) => {
          if (keys.length > 0) this.#clients.run(this.#people.sweep(keys));
        });
        settlePromises();
      }
      this.#sweepLater();
    });
  }

  checkFinal(node: SimNode): void {
    for (const room of this.#orders.rooms) {
      const length = lengthOf(node, room as RoomId);
      const txns = Array.from({ length }, (_, at) => txnAt(node, room as RoomId, at + 1));
      this.#orders.checkFinal(node.name, room, txns);
    }
  }
}

function lengthOf({ state }: SimNode, room: RoomId): number {
  return (state && readRow(state, KEYS.room(room), roomCodec)?.lastSeq) ?? 0;
}

function txnAt({ state }: SimNode, room: RoomId, seq: number): string | undefined {
  return state && readRow(state, KEYS.message(room, seq), messageCodec)?.txnId;
}
