import { strict as assert } from 'node:assert';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ProposeOutcome } from '../../consensus/propose-outcome.ts';
import type { LogIndex, Term } from '../../consensus/types.ts';
import { decodeBatch, type Batch } from '../../protocol/batch.ts';
import type { NodeName, StampMs } from '../../protocol/ids.ts';
import { CommandQueue, type SubmitOutcome } from './command-queue.ts';
import { decodeForward, decodeRefusal, encodeForward, encodeRefusal } from './forward-frames.ts';
import { DEFAULT_RAFT_SETTINGS, type RaftSettings } from './raft-settings.ts';

const SELF = 'n1' as NodeName;
const OTHER = 'n2' as NodeName;
const THIRD = 'n3' as NodeName;
const BOOT = 77;
const T1 = 1 as Term;
const T2 = 2 as Term;
const T3 = 3 as Term;

interface SentFrame {
  readonly to: NodeName;
  readonly kind: string;
  readonly payload: Uint8Array;
}

class Bench {
  nowMs = 0;
  sent: SentFrame[] = [];
  proposed: Batch[] = [];
  scheduled = 0;
  /** What was accepted, by serial. */
  readonly accepted: Uint8Array[] = [];
  outcome: ProposeOutcome = { kind: 'appended', index: 1 as LogIndex, term: T1 };
  readonly outcomes = new Map<string, SubmitOutcome<string>>();
  readonly queue: CommandQueue<string>;

  constructor(settings: Partial<RaftSettings> = {}) {
    this.queue = new CommandQueue<string>({
      self: SELF,
      boot: BOOT,
      settings: { ...DEFAULT_RAFT_SETTINGS, ...settings },
      monotonicMs: () => this.nowMs,
      send: (to, kind, payload) => this.sent.push({ to, kind, payload }),
      propose: (data) => {
        if (this.outcome.kind === 'appended') this.proposed.push(decodeBatch(data));
        return this.outcome;
      },
      nextStamp: () => 5 as StampMs,
      schedule: () => (this.scheduled += 1),
    });
  }

  submit(name: string, deadlineMs = 5_000, bytes = name.length): void {
    const command = new Uint8Array(bytes);
    command.set(new TextEncoder().encode(name).subarray(0, bytes));
    const before = this.queue.waitingCount;
    this.queue.submit(command, deadlineMs, (outcome) => {
      assert(!this.outcomes.has(name), `${name} is settled twice`);
      this.outcomes.set(name, outcome);
    });
    if (this.queue.waitingCount > before) this.accepted.push(command);
  }

  error(name: string): string | undefined {
    const outcome = this.outcomes.get(name);
    return outcome?.ok === false ? outcome.error.code : undefined;
  }

  result(name: string): string | undefined {
    const outcome = this.outcomes.get(name);
    return outcome?.ok === true ? outcome.result : undefined;
  }

  forwardedTo(node: NodeName): number[] {
    const frames = this.sent.filter(({ to, kind }) => to === node && kind === 'forward');
    this.sent = this.sent.filter((frame) => !frames.includes(frame));
    return frames.flatMap(({ payload }) => decodeForward(payload).commands.map(({ serial }) => serial));
  }

  apply(serials: readonly number[], boot = BOOT): void {
    const items = serials.map((serial) => ({ boot, serial, command: this.accepted[serial - 1] ?? new Uint8Array(1) }));
    this.queue.applied(
      9 as LogIndex,
      items,
      serials.map((serial) => `result ${serial}`),
    );
  }

  passTime(ms: number): void {
    this.nowMs += ms;
    this.queue.onTick();
    this.queue.flush(true);
  }
}

describe('a queue on the leader', () => {
  let bench = new Bench();
  beforeEach(() => {
    bench = new Bench();
    bench.queue.route(SELF, T1);
  });

  it('packs everything that came while the disk was busy into one entry', () => {
    bench.submit('a');
    bench.submit('b');
    bench.queue.flush(false);
    expect(bench.proposed).toEqual([]);
    bench.submit('c');
    bench.queue.flush(true);
    expect(bench.proposed.map(({ items }) => items.map(({ serial }) => serial))).toEqual([[1, 2, 3]]);
    expect(bench.proposed[0]?.stampMs).toBe(5);
    bench.queue.flush(true);
    expect(bench.proposed.length).toBe(1);
  });

  it('splits what is too much for one entry, at most so many for one write', () => {
    bench = new Bench({ batchBytesPreferred: 1_000, batchesPerWriteMax: 2 });
    bench.queue.route(SELF, T1);
    for (const name of ['a', 'b', 'c', 'd']) bench.submit(name, 5_000, 800);
    bench.queue.flush(true);
    expect(bench.proposed.map(({ items }) => items.length)).toEqual([1, 1]);
    bench.queue.flush(true);
    expect(bench.proposed.length).toBe(4);
  });

  it('gives each waiter its own result', () => {
    bench.submit('a');
    bench.submit('b');
    bench.queue.flush(true);
    bench.apply([2]);
    bench.apply([1], BOOT + 1);
    expect(bench.result('b')).toBe('result 2');
    expect(bench.outcomes.has('a')).toBe(false);
    bench.apply([1, 1]);
    expect(bench.result('a')).toBe('result 1');
    expect(bench.queue.waitingCount).toBe(0);
  });

  it('gives no result of another command, whatever its number', () => {
    bench.submit('a');
    bench.queue.flush(true);
    const stranger = { boot: BOOT, serial: 1, command: new TextEncoder().encode('b') };
    bench.queue.applied(8 as LogIndex, [stranger], ['of an earlier life']);
    expect(bench.outcomes.has('a')).toBe(false);
    bench.apply([1]);
    expect(bench.result('a')).toBe('result 1');
  });

  it('keeps what the core does not take, and tries again when something has changed', () => {
    bench.outcome = { kind: 'dropped', reason: 'uncommitted-bytes-full' };
    bench.submit('a');
    bench.queue.flush(true);
    bench.outcome = { kind: 'appended', index: 1 as LogIndex, term: T1 };
    bench.queue.flush(true);
    expect(bench.proposed).toEqual([]);
    bench.apply([]);
    bench.queue.flush(true);
    expect(bench.proposed.length).toBe(1);
  });

  it('proposes what others forward, once, and refuses what is too much', () => {
    bench = new Bench({ proposalItemsMax: 2 });
    bench.queue.route(SELF, T1);
    const commands = [1, 2, 3].map((serial) => ({ serial, ttlMs: 1_000, command: Uint8Array.of(serial) }));
    bench.queue.onForward(OTHER, encodeForward({ boot: 5, commands: commands.slice(0, 1) }));
    bench.queue.onForward(OTHER, encodeForward({ boot: 5, commands }));
    bench.queue.flush(true);
    expect(bench.proposed.map(({ items }) => items.map(({ boot, serial }) => [boot, serial]))).toEqual([
      [
        [5, 1],
        [5, 2],
      ],
    ]);
    const [refusal] = bench.sent;
    expect(refusal?.kind).toBe('forward-refused');
    expect(refusal && decodeRefusal(refusal.payload)).toEqual({ boot: 5, reason: 'overloaded', serials: [3] });
  });

  it('does not propose what its client no longer waits for', () => {
    const command = new Uint8Array(1);
    bench.queue.onForward(OTHER, encodeForward({ boot: 5, commands: [{ serial: 1, ttlMs: 100, command }] }));
    bench.submit('a', 100);
    bench.nowMs = 150;
    bench.submit('b');
    bench.queue.flush(true);
    expect(bench.proposed.map(({ items }) => items.map(({ serial }) => serial))).toEqual([[2]]);
  });

  it('hands what is left to its successor, and refuses what was forwarded', () => {
    bench.submit('a');
    bench.queue.flush(true);
    bench.submit('b');
    const command = new Uint8Array(1);
    bench.queue.onForward(THIRD, encodeForward({ boot: 5, commands: [{ serial: 8, ttlMs: 100, command }] }));
    bench.queue.route(OTHER, T2);
    bench.queue.flush(true);
    // What was proposed may be lost with the old leader's log: the state machine recognises it if not.
    expect(bench.forwardedTo(OTHER)).toEqual([1, 2]);
    const [refusal] = bench.sent;
    expect(refusal?.to).toBe(THIRD);
    expect(refusal && decodeRefusal(refusal.payload)).toEqual({ boot: 5, reason: 'not-leader', serials: [8] });
  });
});

describe('a queue on a follower', () => {
  let bench = new Bench();
  beforeEach(() => {
    bench = new Bench();
    bench.queue.route(OTHER, T1);
  });

  it('sends everything of one turn in one frame', () => {
    bench.submit('a');
    bench.submit('b');
    expect(bench.sent).toEqual([]);
    bench.queue.flush(true);
    expect(bench.sent.length).toBe(1);
    expect(bench.forwardedTo(OTHER)).toEqual([1, 2]);
    expect(bench.proposed).toEqual([]);
  });

  it('splits frames by size', () => {
    bench = new Bench({ forwardFrameBytesMax: 1_000 });
    bench.queue.route(OTHER, T1);
    for (const name of ['a', 'b', 'c']) bench.submit(name, 5_000, 600);
    bench.queue.flush(true);
    expect(bench.sent.length).toBe(3);
  });

  it('sends again after silence, ever more slowly', () => {
    bench.submit('a', 60_000);
    bench.queue.flush(true);
    expect(bench.forwardedTo(OTHER)).toEqual([1]);
    bench.passTime(499);
    expect(bench.forwardedTo(OTHER)).toEqual([]);
    bench.passTime(1);
    expect(bench.forwardedTo(OTHER)).toEqual([1]);
    bench.passTime(999);
    expect(bench.forwardedTo(OTHER)).toEqual([]);
    bench.passTime(1);
    expect(bench.forwardedTo(OTHER)).toEqual([1]);
  });

  it('sends again to the next leader at once, but not while there is none', () => {
    bench.submit('a');
    bench.queue.flush(true);
    bench.forwardedTo(OTHER);
    bench.queue.route(null, T2);
    bench.submit('b');
    bench.queue.flush(true);
    bench.passTime(1_000);
    expect(bench.sent).toEqual([]);
    bench.queue.route(THIRD, T2);
    bench.queue.flush(true);
    expect(bench.forwardedTo(THIRD)).toEqual([1, 2]);
  });

  it('proposes by itself when it becomes leader', () => {
    bench.submit('a');
    bench.queue.flush(true);
    bench.queue.route(SELF, T2);
    bench.queue.flush(true);
    expect(bench.proposed.map(({ items }) => items.map(({ serial }) => serial))).toEqual([[1]]);
  });

  it('tries again a little later when the leader refuses', () => {
    bench.submit('a');
    bench.queue.flush(true);
    bench.forwardedTo(OTHER);
    bench.queue.onRefusal(OTHER, encodeRefusal({ boot: BOOT, reason: 'not-leader', serials: [1] }));
    bench.passTime(1);
    expect(bench.forwardedTo(OTHER)).toEqual([]);
    bench.passTime(200);
    expect(bench.forwardedTo(OTHER)).toEqual([1]);
  });

  it('tells its client when the leader is overloaded', () => {
    bench.submit('a');
    bench.queue.flush(true);
    bench.queue.onRefusal(OTHER, encodeRefusal({ boot: BOOT, reason: 'overloaded', serials: [1] }));
    expect(bench.error('a')).toBe('overloaded');
  });

  it('does not tell so while another leader may have the command', () => {
    bench.queue.route(SELF, T2);
    bench.submit('a');
    bench.queue.flush(true);
    bench.queue.route(OTHER, T3);
    bench.queue.flush(true);
    expect(bench.forwardedTo(OTHER)).toEqual([1]);
    bench.queue.onRefusal(OTHER, encodeRefusal({ boot: BOOT, reason: 'overloaded', serials: [1] }));
    expect(bench.outcomes.has('a')).toBe(false);
    bench.passTime(200);
    expect(bench.forwardedTo(OTHER)).toEqual([1]);
  });

  it('is as quick with a new leader as with the first', () => {
    bench.submit('a', 60_000);
    bench.queue.flush(true);
    bench.passTime(500);
    bench.passTime(1_000);
    bench.queue.route(THIRD, T2);
    bench.queue.flush(true);
    bench.forwardedTo(THIRD);
    bench.passTime(500);
    expect(bench.forwardedTo(THIRD)).toEqual([1]);
  });

  it('ignores refusals for another process, or from somebody who does not lead', () => {
    bench.submit('a');
    bench.queue.flush(true);
    bench.queue.onRefusal(OTHER, encodeRefusal({ boot: BOOT + 1, reason: 'overloaded', serials: [1] }));
    bench.queue.onRefusal(THIRD, encodeRefusal({ boot: BOOT, reason: 'overloaded', serials: [1] }));
    expect(bench.outcomes.size).toBe(0);
  });

  it('refuses what others take it for', () => {
    const commands = [{ serial: 4, ttlMs: 100, command: new Uint8Array(1) }];
    bench.queue.onForward(THIRD, encodeForward({ boot: 5, commands }));
    const [refusal] = bench.sent;
    expect(refusal && decodeRefusal(refusal.payload)).toEqual({ boot: 5, reason: 'not-leader', serials: [4] });
  });
});

describe('the end of waiting', () => {
  it('is `no_leader` for what surely never left', () => {
    const bench = new Bench();
    bench.submit('a', 100);
    bench.passTime(100);
    expect(bench.error('a')).toBe('no_leader');
  });

  it('is `deadline_exceeded` for what some leader may have', () => {
    const bench = new Bench();
    bench.queue.route(OTHER, T1);
    bench.submit('a', 100);
    bench.queue.flush(true);
    bench.queue.route(null, T2);
    bench.passTime(100);
    expect(bench.error('a')).toBe('deadline_exceeded');
    bench.apply([1]);
    expect(bench.error('a')).toBe('deadline_exceeded');
  });

  it('is `overloaded` at once when too much waits, by count and by bytes', () => {
    const bench = new Bench({ waitingItemsMax: 2, waitingBytesMax: 1_000 });
    bench.submit('a', 100, 900);
    bench.submit('b', 100, 200);
    expect(bench.error('b')).toBe('overloaded');
    bench.submit('c', 100, 10);
    bench.submit('d', 100, 10);
    expect(bench.error('d')).toBe('overloaded');
    bench.passTime(100);
    bench.submit('e', 100, 900);
    expect(bench.outcomes.has('e')).toBe(false);
  });

  it('is `payload_too_large` for a command that no entry may hold', () => {
    const bench = new Bench({ commandBytesMax: 100 });
    bench.submit('a', 100, 101);
    expect(bench.error('a')).toBe('payload_too_large');
  });

  it('is `shutting_down` when the node stops, and for everything after', () => {
    const bench = new Bench();
    bench.submit('a');
    bench.queue.stop();
    bench.submit('b');
    expect([bench.error('a'), bench.error('b')]).toEqual(['shutting_down', 'shutting_down']);
  });
});
