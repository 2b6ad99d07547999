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
import type { ClientsEnv, Operation } from './clients.ts';
import { Traffic, type LoadRates } from './traffic.ts';

const ROOMS = ['a', 'b', 'c'];

/** Clients that append to shared lists through every node. */
export class ListLoad extends Traffic {
  readonly application: Application = {
    start: () => {
      const machine = new ListMachine();
      return { apply: (view, batch) => machine.apply(view, batch), forget: () => {} };
    },
  };
  readonly #env: ClientsEnv;
  #invoked = 0;

  constructor(env: ClientsEnv, rates: LoadRates) {
    super(env, rates, {
      lengthAt: (node, room) => readNumber(node.state?.get(lengthKey(room))),
      txnAt: (node, room, seq) => readText(node.state?.get(itemKey(room, seq))),
    });
    this.#env = env;
  }

  protected invoke(): void {
    const room = this.#env.prng.pick(ROOMS);
    this.#invoked += 1;
    this.clients.run(this.#append(room, `t${this.#invoked}`));
  }

  #append(room: string, txn: string): Operation {
    const floor = this.orders.floorOf(room);
    const command = encodeListCommand({ room, txn });
    return {
      encode: () => command,
      settle: (raw: unknown, index: LogIndex) => {
        const result = raw as ListResult;
        insist(result.room === room && result.txn === txn, 'answer', () => `${result.txn} answers ${txn}`);
        this.orders.sent(room, result.seq, txn, floor);
        this.linearizable.followUp(room, result.seq, txn, index);
        return true;
      },
    };
  }

  checkFinal({ name, state }: SimNode): void {
    for (const room of ROOMS) {
      const length = readNumber(state!.get(lengthKey(room)));
      const txns = Array.from({ length }, (_, at) => readText(state!.get(itemKey(room, at + 1))));
      this.orders.checkFinal(name, room, txns);
    }
  }
}
