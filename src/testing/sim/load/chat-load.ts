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
import { ChatPeople, type Sending } from './chat-people.ts';
import type { ClientsEnv, Operation } from './clients.ts';
import { Traffic, type LoadRates } from './traffic.ts';

const SWEEP_EVERY_MS = 5_000;
const SWEEP_ROWS_MAX = 500;
const ROSTER_CHANGE_CHANCE = 0.005;

/** People who register, log in, make rooms, write to each other and enrol further devices. */
export class ChatLoad extends Traffic {
  readonly application: Application = {
    // Signatures are not what is tried here: they would take most of the time.
    start: (cluster) => new ChatMachine(cluster, { verifyDeviceRecord: () => true }),
  };
  readonly #env: ClientsEnv & { readonly settlePromises: () => void };
  readonly #people: ChatPeople;
  #running = false;

  constructor(env: ClientsEnv & { readonly settlePromises: () => void }, rates: LoadRates) {
    super(env, rates, {
      lengthAt: (node, room) => lengthOf(node, room as RoomId),
      txnAt: (node, room, seq) => txnAt(node, room as RoomId, seq),
    });
    this.#env = env;
    this.#people = new ChatPeople({ env, run: (operation) => this.clients.run(operation) });
  }

  override start(): void {
    this.#running = true;
    this.#people.begin();
    super.start();
    this.#sweepLater();
  }

  override stop(): void {
    this.#running = false;
    super.stop();
  }

  protected invoke(): void {
    if (this.#env.prng.chance(ROSTER_CHANGE_CHANCE)) this.#people.changeRoster();
    const sending = this.#people.nextSending();
    if (sending !== undefined) this.clients.run(this.#send(sending));
  }

  #send(sending: Sending): Operation {
    const { room, txnId } = sending;
    const floor = this.orders.floorOf(room);
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
        if (refused) this.orders.placed(room, result.value.seq, txnId);
        else this.orders.sent(room, result.value.seq, txnId, floor);
        this.linearizable.followUp(room, result.value.seq, txnId, index);
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
          if (keys.length > 0) this.clients.run(this.#people.sweep(keys));
        });
        settlePromises();
      }
      this.#sweepLater();
    });
  }

  checkFinal(node: SimNode): void {
    for (const room of this.orders.rooms) {
      const length = lengthOf(node, room as RoomId);
      const txns = Array.from({ length }, (_, at) => txnAt(node, room as RoomId, at + 1));
      this.orders.checkFinal(node.name, room, txns);
    }
  }
}

function lengthOf({ state }: SimNode, room: RoomId): number {
  return (state && readRow(state, KEYS.room(room), roomCodec)?.lastSeq) ?? 0;
}

function txnAt({ state }: SimNode, room: RoomId, seq: number): string | undefined {
  return state && readRow(state, KEYS.message(room, seq), messageCodec)?.txnId;
}
