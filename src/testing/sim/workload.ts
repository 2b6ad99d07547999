import type { SubmitOutcome } from '../../node/raft/command-queue.ts';
import { encodeListCommand, itemKey, lengthKey, readNumber, readText, type ListResult } from './list-machine.ts';
import type { Prng } from './prng.ts';
import type { SimNode } from './sim-node.ts';
import type { SimStateStore } from './sim-state-store.ts';
import type { VirtualTime } from './virtual-time.ts';
import { insist } from './violation.ts';

export interface WorkloadEnv {
  readonly time: VirtualTime;
  readonly prng: Prng;
  readonly nodes: readonly SimNode[];
  readonly proposalsPerSecond: number;
  readonly trace: (node: number, what: string, a: number, b: number) => void;
}

/** What a client knows of one command. */
interface Operation {
  readonly room: string;
  readonly txn: string;
  /** Commands acknowledged before this one was invoked stand before it in the room. */
  readonly roomSeqAtInvocation: number;
  seq: number | undefined;
  failures: number;
}

const ROOMS = ['a', 'b', 'c'];
const SUBMIT_DEADLINE_MS = 2_000;
/** A client gives up on a node that does not answer at all, for example because it died. */
const ANSWER_DEADLINE_MS = 2_500;
const BACK_OFF_MS_MAX = 5_000;
const READ_EVERY_MS = 150;
const READ_DEADLINE_MS = 1_000;

/**
 * Clients that append to shared lists through every node, repeat what was not acknowledged under the same transaction
 * through other nodes, and remember what they were told.
 */
export class Workload {
  readonly #env: WorkloadEnv;
  readonly #operations: Operation[] = [];
  readonly #ackedSeqOfRoom = new Map<string, number>();
  #unacked = 0;
  #running = false;
  acked = 0;
  reads = 0;
  attempts = 0;

  constructor(env: WorkloadEnv) {
    this.#env = env;
  }

  get invoked(): number {
    return this.#operations.length;
  }

  get pending(): number {
    return this.#unacked;
  }

  start(): void {
    this.#running = true;
    this.#invokeLater();
    this.#readLater();
  }

  /** No new commands; those under way go on until they are acknowledged. */
  stop(): void {
    this.#running = false;
  }

  #invokeLater(): void {
    const { time, prng, proposalsPerSecond } = this.#env;
    time.after(prng.between(0, 2_000 / proposalsPerSecond), () => {
      if (!this.#running) return;
      const burst = prng.chance(0.02) ? prng.below(20) : 1;
      for (let i = 0; i < burst; i += 1) this.#invoke();
      this.#invokeLater();
    });
  }

  #invoke(): void {
    const room = this.#env.prng.pick(ROOMS);
    const roomSeqAtInvocation = this.#ackedSeqOfRoom.get(room) ?? 0;
    const operation = { room, txn: `t${this.#operations.length}`, roomSeqAtInvocation, seq: undefined, failures: 0 };
    this.#operations.push(operation);
    this.#unacked += 1;
    this.#attempt(operation);
  }

  #attempt(operation: Operation): void {
    if (operation.seq !== undefined) return;
    const { time, prng, nodes } = this.#env;
    const { peer } = prng.pick(nodes);
    let answered = false;
    const again = (): void => {
      if (answered) return;
      answered = true;
      operation.failures += 1;
      const backOffMs = prng.between(0, Math.min(2 ** operation.failures * 10, BACK_OFF_MS_MAX));
      time.after(backOffMs, () => this.#attempt(operation));
    };
    if (peer === undefined) {
      again();
      return;
    }
    this.attempts += 1;
    time.after(ANSWER_DEADLINE_MS, () => again());
    peer.submit(encodeListCommand(operation), SUBMIT_DEADLINE_MS, (outcome) => {
      if (outcome.ok) this.#acknowledge(operation, outcome);
      else again();
      answered = true;
    });
  }

  #acknowledge(operation: Operation, outcome: Extract<SubmitOutcome<ListResult>, { ok: true }>): void {
    const { room, txn, seq } = outcome.result;
    insist(room === operation.room && txn === operation.txn, 'answer', () => `${txn} answers ${operation.txn}`);
    if (operation.seq !== undefined) {
      insist(operation.seq === seq, 'exactly-once', () => `${txn} stands at ${operation.seq} and at ${seq}`);
      return;
    }
    const before = operation.roomSeqAtInvocation;
    insist(seq > before, 'real-time-order', () => `${txn} at ${seq} was invoked when ${before} was acknowledged`);
    operation.seq = seq;
    this.acked += 1;
    this.#unacked -= 1;
    this.#ackedSeqOfRoom.set(room, Math.max(seq, this.#ackedSeqOfRoom.get(room) ?? 0));
    this.#env.trace(0, 'acked', seq, this.acked);
  }

  // ---------------------------------------------------------------- reads

  #readLater(): void {
    const { time, prng } = this.#env;
    time.after(prng.between(0, 2 * READ_EVERY_MS), () => {
      if (!this.#running) return;
      this.#read();
      this.#readLater();
    });
  }

  /** After a read barrier, a node shows everything that was acknowledged before the barrier was asked for. */
  #read(): void {
    const node = this.#env.prng.pick(this.#env.nodes);
    const { peer, state } = node;
    if (peer === undefined || state === undefined) return;
    const room = this.#env.prng.pick(ROOMS);
    const least = this.#ackedSeqOfRoom.get(room) ?? 0;
    peer.readBarrier(READ_DEADLINE_MS, (error) => {
      if (error !== undefined) return;
      const shown = readNumber(state.get(lengthKey(room)));
      insist(shown >= least, 'stale-read', () => `${node.name} shows ${shown} of at least ${least} in ${room}`);
      this.reads += 1;
    });
  }

  // ---------------------------------------------------------------- the end

  /** Every acknowledged command stands where it was said to, once, and lists have no gaps. */
  checkFinalState(node: string, state: SimStateStore): void {
    const places = new Map<string, string>();
    for (const room of ROOMS) {
      const length = readNumber(state.get(lengthKey(room)));
      for (let seq = 1; seq <= length; seq += 1) {
        const txn = readText(state.get(itemKey(room, seq)));
        insist(txn !== undefined, 'gap', () => `${node} has nothing at ${room}/${seq}`);
        insist(!places.has(txn), 'exactly-once', () => `${txn} is at ${places.get(txn)} and ${room}/${seq} of ${node}`);
        places.set(txn, `${room}/${seq}`);
      }
    }
    for (const { room, txn, seq } of this.#operations) {
      const place = places.get(txn);
      insist(place === `${room}/${seq}`, 'lost', () => `${txn}, acknowledged at ${room}/${seq}, is at ${place}`);
    }
  }
}
