import { beforeEach, describe, expect, it } from 'vitest';
import type { NodeName } from '../../protocol/ids.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { DeathWatch, PING_INTERVAL_MS, SIGN_GAP_MS } from './death-watch.ts';

const leader = 'n1' as NodeName;
const other = 'n2' as NodeName;

let clock = new ManualClock();
let pings: NodeName[] = [];
let hints: NodeName[] = [];
let watch = newWatch();
/** When set, nobody listens for the pings: each comes back as a sign at once. */
let answerPings = false;

function newWatch(): DeathWatch {
  return new DeathWatch({
    clock,
    ping: (node) => {
      pings.push(node);
      if (answerPings) watch.sign(node);
    },
    hint: (node) => hints.push(node),
  });
}

beforeEach(() => {
  clock = new ManualClock();
  pings = [];
  hints = [];
  answerPings = false;
  watch = newWatch();
  watch.connected();
  watch.heard(leader);
  watch.watch(leader);
});

describe('DeathWatch', () => {
  it('pings only the watched node, and only while connected', () => {
    clock.advance(4 * PING_INTERVAL_MS);
    expect(pings).toEqual([leader, leader, leader, leader]);
    watch.disconnected();
    clock.advance(100);
    expect(pings).toHaveLength(4);
    watch.connected();
    watch.watch(null);
    clock.advance(100);
    expect(pings).toHaveLength(4);
    expect(clock.pendingTimers).toBe(0);
  });

  it('hints after two signs a gap apart, and once per silence', () => {
    watch.sign(leader);
    clock.advance(SIGN_GAP_MS - 1);
    watch.sign(leader);
    expect(hints).toEqual([]);
    clock.advance(1);
    watch.sign(leader);
    expect(hints).toEqual([leader]);
    clock.advance(200);
    watch.sign(leader);
    expect(hints).toEqual([leader]);
  });

  it('asks again as soon as a second sign could count', () => {
    answerPings = true;
    clock.advance(PING_INTERVAL_MS - 5);
    watch.sign(leader);
    clock.advance(SIGN_GAP_MS + 1);
    expect(hints).toEqual([leader]);
  });

  it('lets anything that is heard cancel the signs, and hints again after the next silence', () => {
    watch.sign(leader);
    clock.advance(SIGN_GAP_MS);
    watch.heard(leader);
    watch.sign(leader);
    expect(hints).toEqual([]);
    clock.advance(SIGN_GAP_MS);
    watch.sign(leader);
    expect(hints).toEqual([leader]);
    watch.heard(leader);
    watch.sign(leader);
    clock.advance(SIGN_GAP_MS);
    watch.sign(leader);
    expect(hints).toEqual([leader, leader]);
  });

  it('is not calmed by other nodes, nor alarmed by signs of them', () => {
    watch.sign(leader);
    clock.advance(SIGN_GAP_MS);
    watch.heard(other);
    watch.sign(other);
    expect(hints).toEqual([]);
    watch.sign(leader);
    expect(hints).toEqual([leader]);
  });

  it('ignores signs of a node that was never heard', () => {
    watch.watch(other);
    watch.sign(other);
    clock.advance(SIGN_GAP_MS);
    watch.sign(other);
    expect(hints).toEqual([]);
  });

  it('takes the loss of its own connection for nothing else', () => {
    watch.sign(leader);
    watch.disconnected();
    clock.advance(SIGN_GAP_MS);
    watch.sign(leader);
    watch.connected();
    // The servers have not told each other yet who listens where.
    answerPings = true;
    clock.advance(500);
    expect(hints).toEqual([]);
    answerPings = false;
    watch.heard(leader);
    clock.advance(500);
    expect(hints).toEqual([]);
    answerPings = true;
    clock.advance(100);
    expect(hints).toEqual([leader]);
  });

  it('forgets signs when it turns to another node and back', () => {
    watch.sign(leader);
    watch.watch(null);
    watch.watch(leader);
    clock.advance(SIGN_GAP_MS);
    watch.sign(leader);
    expect(hints).toEqual([]);
  });

  it('keeps its signs when told again to watch the same node', () => {
    watch.sign(leader);
    clock.advance(SIGN_GAP_MS);
    watch.watch(leader);
    watch.sign(leader);
    expect(hints).toEqual([leader]);
  });
});
