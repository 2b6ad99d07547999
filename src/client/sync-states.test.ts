import { expect, it } from 'vitest';
import { nextSyncState } from './sync-states.ts';
import type { SyncEvent, SyncState } from './sync-states.ts';

const STATES: readonly SyncState[] = ['idle', 'connecting', 'live', 'reconnecting', 'offline', 'ended'];
const EVENTS: readonly SyncEvent[] = [
  'start',
  'connected',
  'disconnected',
  'networkLost',
  'networkBack',
  'refused',
  'stop',
];

it('becomes live through a connection only', () => {
  const others = STATES.filter((state) => state !== 'live');
  const ways = others.flatMap((state) => EVENTS.filter((event) => nextSyncState(state, event) === 'live'));
  expect(new Set(ways)).toEqual(new Set(['connected']));
});

it('leaves what ended only to start again, or to stop', () => {
  for (const event of EVENTS) {
    const next = nextSyncState('ended', event);
    expect(next).toBe(event === 'start' ? 'connecting' : event === 'stop' ? 'idle' : 'ended');
  }
});

it('believes a node that answers, whatever is said of the network', () => {
  expect(nextSyncState('offline', 'connected')).toBe('live');
});
