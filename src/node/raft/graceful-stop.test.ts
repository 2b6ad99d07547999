import { beforeEach, describe, expect, it } from 'vitest';
import { GracefulStop } from './graceful-stop.ts';

let nowMs = 0;
let leads = false;
let waiting = 0;
let told: string[] = [];
let stop: GracefulStop;
beforeEach(() => {
  nowMs = 0;
  leads = true;
  waiting = 2;
  told = [];
  stop = new GracefulStop({
    settings: { transferMs: 1_500, drainMs: 3_000 },
    monotonicMs: () => nowMs,
    leads: () => leads,
    waitingCount: () => waiting,
    handOver: () => told.push('hand over'),
    end: () => told.push('end'),
  });
});
const at = (ms: number): readonly string[] => {
  nowMs = ms;
  told = [];
  stop.onTick();
  return told;
};

describe('GracefulStop', () => {
  it('does nothing before it begins', () => {
    expect(at(10_000)).toEqual([]);
  });

  it('hands over until another leads, then waits for the commands that have no result', () => {
    stop.begin({ transferLeadership: true });
    expect(told).toEqual(['hand over']);
    expect(at(1_000)).toEqual(['hand over']);
    leads = false;
    expect(at(1_100)).toEqual([]);
    waiting = 0;
    expect(at(1_200)).toEqual(['end']);
  });

  it('hands over first, even when nothing waits', () => {
    waiting = 0;
    stop.begin({ transferLeadership: true });
    expect(told).toEqual(['hand over']);
  });

  it('gives up both in time, counted from when it was first asked to', () => {
    stop.begin({ transferLeadership: true });
    nowMs = 1_000;
    stop.begin({ transferLeadership: true });
    expect(at(1_499)).toEqual(['hand over']);
    expect(at(1_500)).toEqual([]);
    expect(at(4_499)).toEqual([]);
    expect(at(4_500)).toEqual(['end']);
  });

  it('keeps its office when told so', () => {
    waiting = 0;
    stop.begin({ transferLeadership: false });
    expect(told).toEqual(['end']);
  });
});
