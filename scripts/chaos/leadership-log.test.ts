import { describe, expect, it } from 'vitest';
import { leadershipAtStop } from './leadership-log.ts';

const leader = (name: string | null): string => JSON.stringify({ msg: 'leader changed', leader: name });
const STOPPING = JSON.stringify({ msg: 'stopping', why: 'SIGTERM' });
const read = (...lines: string[]): ReturnType<typeof leadershipAtStop> => leadershipAtStop(lines.join('\n'), 'n1');

describe('what the log of a stopped node says of leadership', () => {
  it('tells a leader that handed over from one that kept it', () => {
    expect(read(leader(null), leader('n1'), STOPPING, leader(null))).toEqual({ led: true, handedOver: true });
    expect(read(leader('n1'), STOPPING, leader('n2'), 'chatd: some words')).toEqual({ led: true, handedOver: true });
    expect(read(leader('n1'), STOPPING, '{"msg":"closed"}')).toEqual({ led: true, handedOver: false });
  });

  it('leaves out who did not lead when it was stopped, and earlier lives', () => {
    expect(read(leader('n1'), leader('n2'), STOPPING, leader('n3'))).toEqual({ led: false, handedOver: false });
    expect(read(leader('n1'), STOPPING, leader(null), STOPPING)).toEqual({ led: false, handedOver: false });
    expect(() => read(leader('n1'))).toThrow('not told to stop');
  });
});
