import { beforeEach, describe, expect, it } from 'vitest';
import type { LogIndex } from '../../consensus/types.ts';
import { DEFAULT_RAFT_SETTINGS, type RaftSettings } from './raft-settings.ts';
import { Waits } from './waits.ts';

class Bench {
  nowMs = 0;
  appliedIndex = 0 as LogIndex;
  knowsLeader = true;
  asked: Uint8Array[] = [];
  readonly settled = new Map<string, string>();
  readonly waits: Waits;

  constructor(settings: Partial<RaftSettings> = {}) {
    this.waits = new Waits({
      boot: 3,
      settings: { ...DEFAULT_RAFT_SETTINGS, ...settings },
      monotonicMs: () => this.nowMs,
      appliedIndex: () => this.appliedIndex,
      knowsLeader: () => this.knowsLeader,
      readIndex: (context) => this.asked.push(context),
      schedule: () => {},
    });
  }

  read(name: string, deadlineMs = 1_000): void {
    this.waits.readBarrier(deadlineMs, (error) => this.settled.set(name, error?.code ?? 'ok'));
  }

  wait(name: string, index: number, deadlineMs = 1_000): void {
    this.waits.waitForIndex(index as LogIndex, deadlineMs, (error) => this.settled.set(name, error?.code ?? 'ok'));
  }

  answer(context: Uint8Array | undefined, index: number): void {
    if (context !== undefined) this.waits.onReadStates([{ context, index: index as LogIndex }]);
  }

  apply(index: number): void {
    this.appliedIndex = index as LogIndex;
    this.waits.applied(this.appliedIndex);
  }

  passTime(ms: number): void {
    this.nowMs += ms;
    this.waits.onTick();
    this.waits.flush();
  }
}

describe('waiting for an index', () => {
  it('ends when it is applied, in whatever order they wait', () => {
    const bench = new Bench();
    bench.wait('seven', 7);
    bench.wait('three', 3);
    bench.wait('five', 5);
    bench.apply(5);
    expect([...bench.settled]).toEqual([
      ['three', 'ok'],
      ['five', 'ok'],
    ]);
    bench.wait('past', 2);
    expect(bench.settled.get('past')).toBe('ok');
  });

  it('ends with `behind` at the deadline, `overloaded` beyond the bound, `shutting_down` at the end', () => {
    const bench = new Bench({ waitersMax: 2 });
    bench.wait('a', 7, 100);
    bench.wait('b', 7, 900);
    bench.wait('c', 7);
    bench.passTime(100);
    bench.waits.stop();
    bench.wait('d', 7);
    expect(Object.fromEntries(bench.settled)).toEqual({
      a: 'behind',
      b: 'shutting_down',
      c: 'overloaded',
      d: 'shutting_down',
    });
  });
});

describe('a read barrier', () => {
  let bench = new Bench();
  beforeEach(() => {
    bench = new Bench();
  });

  it('asks the leader once for all reads of a turn, and waits until the answer is applied', () => {
    bench.read('a');
    bench.read('b');
    bench.waits.flush();
    expect(bench.asked.length).toBe(1);
    bench.answer(bench.asked[0], 4);
    expect(bench.settled.size).toBe(0);
    bench.apply(4);
    expect(Object.fromEntries(bench.settled)).toEqual({ a: 'ok', b: 'ok' });
  });

  it('does not take an answer for a question that was asked before it', () => {
    bench.read('a');
    bench.waits.flush();
    bench.read('b');
    bench.answer(bench.asked[0], 0);
    expect(Object.fromEntries(bench.settled)).toEqual({ a: 'ok' });
  });

  it('has a bounded number of questions open', () => {
    bench = new Bench({ readRoundsMax: 2 });
    for (const name of ['a', 'b', 'c', 'd']) {
      bench.read(name);
      bench.waits.flush();
    }
    expect(bench.asked.length).toBe(2);
    bench.answer(bench.asked[1], 0);
    bench.waits.flush();
    bench.answer(bench.asked[2], 0);
    expect([...bench.settled.keys()]).toEqual(['b', 'c', 'd']);
  });

  it('asks again after silence and after a change of leader; late answers still count for nobody else', () => {
    bench.read('a', 10_000);
    bench.waits.flush();
    bench.passTime(200);
    expect(bench.asked.length).toBe(2);
    bench.waits.onLeaderChange();
    bench.waits.flush();
    expect(bench.asked.length).toBe(3);
    bench.answer(bench.asked[0], 0);
    expect(bench.settled.size).toBe(0);
    bench.answer(bench.asked[2], 0);
    expect(bench.settled.get('a')).toBe('ok');
  });

  it('ignores answers to another process and malformed ones', () => {
    bench.read('a');
    bench.waits.flush();
    const other = Uint8Array.from(bench.asked[0]!);
    other[1]! ^= 1;
    bench.answer(other, 0);
    bench.answer(new Uint8Array(3), 0);
    expect(bench.settled.size).toBe(0);
  });

  it('ends with `no_leader`, `deadline_exceeded` or `shutting_down`', () => {
    bench.knowsLeader = false;
    bench.read('a', 100);
    bench.passTime(100);
    expect(bench.asked).toEqual([]);
    bench.knowsLeader = true;
    bench.read('b', 100);
    bench.passTime(100);
    bench.read('c');
    bench.waits.flush();
    bench.waits.stop();
    expect(Object.fromEntries(bench.settled)).toEqual({ a: 'no_leader', b: 'deadline_exceeded', c: 'shutting_down' });
  });
});
