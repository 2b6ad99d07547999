import { beforeEach, describe, expect, it } from 'vitest';
import type { NodeName } from '../../protocol/ids.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { DeathWatch, HINT_INTERVAL_MS, PING_INTERVAL_MS, SIGN_GAP_MS, URGENT_PING_INTERVAL_MS } from './death-watch.ts';

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
      if (answerPings) watch.sign(node, 'unanswered');
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

  it('hints after two unanswered pings a gap apart', () => {
    watch.sign(leader, 'unanswered');
    clock.advance(SIGN_GAP_MS - 1);
    watch.sign(leader, 'unanswered');
    expect(hints).toEqual([]);
    clock.advance(1);
    watch.sign(leader, 'unanswered');
    expect(hints).toEqual([leader]);
  });

  it('repeats the hint now and then as long as the silence lasts', () => {
    answerPings = true;
    clock.advance(PING_INTERVAL_MS + SIGN_GAP_MS + 1);
    expect(hints).toHaveLength(1);
    clock.advance(HINT_INTERVAL_MS - 1);
    expect(hints).toHaveLength(1);
    clock.advance(PING_INTERVAL_MS);
    expect(hints).toHaveLength(2);
    clock.advance(10 * HINT_INTERVAL_MS);
    expect(hints.length).toBeGreaterThan(9);
    expect(hints.length).toBeLessThan(13);
    watch.heard(leader);
    answerPings = false;
    hints = [];
    clock.advance(10 * HINT_INTERVAL_MS);
    expect(hints).toEqual([]);
  });

  it('asks at once when the connection was closed, and hints when nobody listens either', () => {
    watch.sign(leader, 'disconnected');
    expect(pings).toEqual([leader]);
    expect(hints).toEqual([]);
    watch.sign(leader, 'unanswered');
    expect(hints).toEqual([leader]);
  });

  it('goes on asking at short intervals, until the servers know that nobody listens', () => {
    watch.sign(leader, 'disconnected');
    clock.advance(3 * URGENT_PING_INTERVAL_MS);
    expect(pings).toHaveLength(4);
    expect(hints).toEqual([]);
    answerPings = true;
    clock.advance(URGENT_PING_INTERVAL_MS);
    expect(hints).toEqual([leader]);
    pings = [];
    clock.advance(2 * PING_INTERVAL_MS);
    expect(pings.length, 'no hurry afterwards').toBeLessThanOrEqual(3);
  });

  it('does not hint for a closed connection alone, however often it is told', () => {
    watch.sign(leader, 'disconnected');
    clock.advance(SIGN_GAP_MS);
    watch.sign(leader, 'disconnected');
    expect(hints).toEqual([]);
    watch.suspect(leader);
    expect(hints, 'but another node that says so is a second sign').toEqual([leader]);
  });

  it('needs one sign of its own when another node holds the leader for dead', () => {
    watch.suspect(leader);
    watch.suspect(leader);
    expect(pings).toEqual([leader]);
    clock.advance(SIGN_GAP_MS);
    expect(hints).toEqual([]);
    watch.sign(leader, 'unanswered');
    expect(hints).toEqual([leader]);
    watch.suspect(leader);
    expect(hints).toEqual([leader]);
  });

  it('believes another node at once that says what it has had a sign of', () => {
    watch.sign(leader, 'unanswered');
    watch.suspect(other);
    expect(hints).toEqual([]);
    watch.suspect(leader);
    expect(hints).toEqual([leader]);
  });

  it('lets the leader calm what others said', () => {
    watch.suspect(leader);
    watch.heard(leader);
    watch.sign(leader, 'unanswered');
    expect(hints).toEqual([]);
    watch.heard(leader);
    watch.sign(leader, 'disconnected');
    watch.heard(leader);
    watch.sign(leader, 'unanswered');
    expect(hints).toEqual([]);
  });

  it('asks again as soon as a second sign could count', () => {
    answerPings = true;
    clock.advance(PING_INTERVAL_MS - 5);
    watch.sign(leader, 'unanswered');
    clock.advance(SIGN_GAP_MS + 1);
    expect(hints).toEqual([leader]);
  });

  it('lets anything that is heard cancel the signs, and hints again after the next silence', () => {
    watch.sign(leader, 'unanswered');
    clock.advance(SIGN_GAP_MS);
    watch.heard(leader);
    watch.sign(leader, 'unanswered');
    expect(hints).toEqual([]);
    clock.advance(SIGN_GAP_MS);
    watch.sign(leader, 'unanswered');
    expect(hints).toEqual([leader]);
    watch.heard(leader);
    watch.sign(leader, 'unanswered');
    clock.advance(SIGN_GAP_MS);
    watch.sign(leader, 'unanswered');
    expect(hints).toEqual([leader, leader]);
  });

  it('is not calmed by other nodes, nor alarmed by signs of them', () => {
    watch.sign(leader, 'unanswered');
    clock.advance(SIGN_GAP_MS);
    watch.heard(other);
    watch.sign(other, 'unanswered');
    expect(hints).toEqual([]);
    watch.sign(leader, 'unanswered');
    expect(hints).toEqual([leader]);
  });

  it('ignores signs of a node that was never heard', () => {
    watch.watch(other);
    watch.sign(other, 'unanswered');
    clock.advance(SIGN_GAP_MS);
    watch.sign(other, 'unanswered');
    expect(hints).toEqual([]);
  });

  it('takes the loss of its own connection for nothing else', () => {
    watch.sign(leader, 'unanswered');
    watch.disconnected();
    clock.advance(SIGN_GAP_MS);
    watch.sign(leader, 'unanswered');
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
    watch.sign(leader, 'unanswered');
    watch.watch(null);
    watch.watch(leader);
    clock.advance(SIGN_GAP_MS);
    watch.sign(leader, 'unanswered');
    expect(hints).toEqual([]);
  });

  it('keeps its signs when told again to watch the same node', () => {
    watch.sign(leader, 'unanswered');
    clock.advance(SIGN_GAP_MS);
    watch.watch(leader);
    watch.sign(leader, 'unanswered');
    expect(hints).toEqual([leader]);
  });
});
