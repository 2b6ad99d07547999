import type { LogIndex } from '../../../consensus/types.ts';
import type { Coverage } from '../coverage.ts';
import type { Prng } from '../prng.ts';
import type { SimNode } from '../sim-node.ts';
import type { VirtualTime } from '../virtual-time.ts';

export interface ClientsEnv {
  readonly time: VirtualTime;
  readonly prng: Prng;
  readonly nodes: readonly SimNode[];
  readonly coverage: Coverage;
  readonly trace: (what: string, a: number, b: number) => void;
}

/** What a client wants, until it has it. */
export interface Operation {
  /** The command as this node's view of the state suggests it; undefined when it cannot be said yet. */
  encode(node: SimNode): Uint8Array | undefined;
  /** The command was applied. False: not as it was meant, so it is to be encoded and sent again. */
  settle(result: unknown, index: LogIndex, node: SimNode): boolean;
}

interface Running {
  readonly operation: Operation;
  /** The node that was tried last: the next one is tried next. */
  at: number;
  failures: number;
  done: boolean;
}

const PENDING_MAX = 200;
const SUBMIT_DEADLINE_MS = 2_000;
/** A client gives up on a node that does not answer at all, for example because it died. */
const ANSWER_DEADLINE_MS = 2_500;
const NEXT_NODE_MS_MAX = 20;
const BACK_OFF_MS_MAX = 5_000;
const HEDGE_CHANCE = 0.03;
const REPEAT_CHANCE = 0.02;
const REPEAT_AFTER_MS_MAX = 8_000;

/**
 * Clients that send commands through any node and repeat what was not acknowledged through others. Some send twice at
 * once, and some send once more long after they were answered: each command must count once all the same.
 */
export class Clients {
  readonly #env: ClientsEnv;
  pending = 0;
  attempts = 0;
  acked = 0;

  constructor(env: ClientsEnv) {
    this.#env = env;
  }

  /** Those who write stop for a while when too much is unanswered. */
  get isBusy(): boolean {
    return this.pending >= PENDING_MAX;
  }

  run(operation: Operation): void {
    const { prng, nodes } = this.#env;
    const running: Running = { operation, at: prng.below(nodes.length), failures: 0, done: false };
    this.pending += 1;
    this.#attempt(running);
    if (prng.chance(HEDGE_CHANCE)) this.#attempt(running);
  }

  #attempt(running: Running): void {
    if (running.done) return;
    const { time, prng, nodes } = this.#env;
    running.at = (running.at + 1) % nodes.length;
    const node = nodes[running.at]!;
    let answered = false;
    const again = (): void => {
      if (answered) return;
      answered = true;
      running.failures += 1;
      // Whoever has not asked everybody yet has no reason to wait long: the others may be out of the cluster for good.
      const rounds = running.failures / nodes.length;
      const backOffMs = Number.isInteger(rounds) ? Math.min(2 ** rounds * 50, BACK_OFF_MS_MAX) : NEXT_NODE_MS_MAX;
      time.after(prng.between(0, backOffMs), () => this.#attempt(running));
    };
    if (node.peer === undefined) {
      again();
      return;
    }
    time.after(ANSWER_DEADLINE_MS, again);
    this.#submit(node, running, (isSettled) => {
      if (isSettled) answered = true;
      else again();
    });
  }

  /** The node takes the command when its event loop gets to it. */
  #submit(node: SimNode, running: Running, done: (isSettled: boolean) => void): void {
    this.attempts += 1;
    node.host.soon(() => {
      const { peer } = node;
      const command = running.operation.encode(node);
      if (peer === undefined || command === undefined) {
        done(false);
        return;
      }
      if (!node.leads) this.#env.coverage.note('command forwarded');
      peer.submit(command, SUBMIT_DEADLINE_MS, (outcome) => {
        if (!outcome.ok) this.#env.coverage.note(`command refused: ${outcome.error.code}`);
        done(outcome.ok && this.#settle(running, outcome.result, outcome.index, node));
      });
    });
  }

  #settle(running: Running, result: unknown, index: LogIndex, node: SimNode): boolean {
    const settled = running.operation.settle(result, index, node);
    if (running.done) {
      this.#env.coverage.note('repeated command answered like the first');
      return true;
    }
    if (!settled) return false;
    running.done = true;
    this.pending -= 1;
    this.acked += 1;
    this.#env.trace('acked', index, this.acked);
    this.#repeatSometimes(running);
    return true;
  }

  #repeatSometimes(running: Running): void {
    const { time, prng, nodes } = this.#env;
    if (!prng.chance(REPEAT_CHANCE)) return;
    time.after(prng.between(0, REPEAT_AFTER_MS_MAX), () => {
      const node = prng.pick(nodes);
      if (node.peer !== undefined) this.#submit(node, running, () => {});
    });
  }
}
