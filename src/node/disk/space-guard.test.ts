import { describe, expect, it } from 'vitest';
import { makeMessage, MessageType } from '../../consensus/message.ts';
import type { PeerProgress } from '../../consensus/status.ts';
import { peerId, type LogIndex } from '../../consensus/types.ts';
import type { NodeName } from '../../protocol/ids.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { directoryOf } from '../peer-directory.ts';
import { decodeRefusal, encodeForward } from '../raft/forward-frames.ts';
import { levelOf, type SpaceLevel } from './disk-space.ts';
import { SpaceGuard } from './space-guard.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

describe('the level of free space', () => {
  const levels = (totalBytes: number, ...free: number[]): SpaceLevel[] => {
    let level: SpaceLevel = 'ok';
    return free.map((mebibytes) => (level = levelOf(level, { freeBytes: mebibytes * MIB, totalBytes }, 256 * MIB)));
  };

  it('is low below the reserve, and full below a quarter of it', () => {
    expect(levels(100 * GIB, 257, 255, 65, 63)).toEqual(['ok', 'low', 'low', 'full']);
  });

  it('gets better only with some room to spare', () => {
    expect(levels(100 * GIB, 255, 300, 321, 63, 70, 81, 330)).toEqual([
      'low',
      'low',
      'ok',
      'full',
      'full',
      'low',
      'ok',
    ]);
  });

  it('keeps a tenth in reserve on a small disk', () => {
    expect(levels(GIB, 103, 102, 26, 25)).toEqual(['ok', 'low', 'low', 'full']);
  });
});

const n = (number: number): NodeName => `n${number}` as NodeName;
const follower = (number: number, match: number, fields: Partial<PeerProgress> = {}): PeerProgress =>
  ({
    id: peerId(number),
    match: match as LogIndex,
    state: 'replicate',
    isLearner: false,
    activeLately: true,
    ...fields,
  }) as PeerProgress;

function guardOf(options: { followers?: PeerProgress[] | null; hasRoom?: (node: NodeName) => boolean } = {}) {
  const clock = new ManualClock();
  const told = {
    transfers: [] as NodeName[],
    levels: [] as SpaceLevel[],
    full: [] as Error[],
    sent: [] as Uint8Array[],
  };
  const world = { freeBytes: 10 * GIB, leaderlessMs: 0, looks: 0 };
  const guard = new SpaceGuard({
    self: n(1),
    dir: '/data',
    reserveBytes: 256 * MIB,
    clock,
    transport: { send: (_to, _kind, payload) => told.sent.push(payload) },
    directory: directoryOf([1, 2, 3].map((number) => ({ name: n(number), peerId: peerId(number), identity: null }))),
    followers: () => options.followers ?? null,
    leaderlessMs: () => world.leaderlessMs,
    hasRoom: options.hasRoom ?? ((): boolean => true),
    transferLeadership: (to) => told.transfers.push(to),
    onChange: (level) => told.levels.push(level),
    onFull: (error) => told.full.push(error),
    onFatal: (error) => {
      throw error;
    },
    measure: () => {
      world.looks += 1;
      return Promise.resolve({ freeBytes: world.freeBytes, totalBytes: 100 * GIB });
    },
  });
  const look = async (mebibytes: number): Promise<void> => {
    world.freeBytes = mebibytes * MIB;
    const { looks } = world;
    if (looks === 0) guard.start();
    else clock.advance(1_000);
    await waitUntil(() => world.looks > looks);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { guard, told, world, look };
}

describe('the guard of a disk', () => {
  it('refuses new commands while there is little room, and says so', async () => {
    const { guard, told, look } = guardOf();
    await look(1_000);
    guard.refuseIfLow();
    await look(100);
    expect(() => guard.refuseIfLow()).toThrow(/nearly full \(100\.0 MiB free\)/);
    expect(guard.problem).toContain('nearly full');
    await look(1_000);
    guard.refuseIfLow();
    expect(told.levels).toEqual(['low', 'ok']);
  });

  it('hands leadership to the follower with room that is furthest, and asks again until it is gone', async () => {
    const followers = [follower(1, 9), follower(2, 7), follower(3, 8)];
    const { told, look } = guardOf({ followers });
    await look(1_000);
    expect(told.transfers).toEqual([]);
    await look(100);
    await look(100);
    expect(told.transfers).toEqual([n(3), n(3)]);
  });

  it.each([
    ['have no room', [follower(2, 7)], (): boolean => false],
    ['do not vote', [follower(2, 7, { isLearner: true })], (): boolean => true],
    ['do not answer', [follower(2, 7, { activeLately: false })], (): boolean => true],
    ['are far behind', [follower(2, 7, { state: 'snapshot' })], (): boolean => true],
  ])('leads on when the others %s', async (_, followers, hasRoom) => {
    const { told, look } = guardOf({ followers: [follower(1, 9), ...followers], hasRoom });
    await look(100);
    expect(told.transfers).toEqual([]);
  });

  it('refuses commands of other nodes while it leads', async () => {
    const commands = [4, 5].map((serial) => ({ serial, ttlMs: 100, command: new Uint8Array(1) }));
    const frame = {
      from: n(2),
      boot: 1,
      identity: null,
      kind: 'forward',
      payload: encodeForward({ boot: 77, commands }),
    } as const;
    const { guard, told, look } = guardOf({ followers: [follower(1, 9)] });
    await look(1_000);
    expect(guard.refuses(frame)).toBe(false);
    await look(100);
    expect(guard.refuses(frame)).toBe(true);
    expect(told.sent.map(decodeRefusal)).toEqual([{ boot: 77, reason: 'disk-low', serials: [4, 5] }]);
    expect(guard.refuses({ ...frame, kind: 'snapshot-request' })).toBe(false);
    expect(guard.refuses({ ...frame, payload: new Uint8Array(3) })).toBe(true);
  });

  it('lets others stand for election first, but not for ever', async () => {
    const { guard, world, look } = guardOf();
    const asks = makeMessage(MessageType.preVote, { from: peerId(1), to: peerId(2) });
    const isAsked = makeMessage(MessageType.timeoutNow, { from: peerId(2), to: peerId(1) });
    const others = [
      makeMessage(MessageType.preVote, { from: peerId(2), to: peerId(1) }),
      makeMessage(MessageType.timeoutNow, { from: peerId(1), to: peerId(2) }),
      makeMessage(MessageType.appResp, { from: peerId(1), to: peerId(2) }),
    ];
    const withheld = (): boolean[] => [asks, isAsked, ...others].map((message) => guard.withholds(message));
    await look(1_000);
    expect(withheld()).toEqual([false, false, false, false, false]);
    await look(100);
    expect(withheld()).toEqual([true, true, false, false, false]);
    world.leaderlessMs = 60_000;
    expect(withheld()).toEqual([false, false, false, false, false]);
  });

  it('lets files have all but the reserve, and counts what they take between two looks', async () => {
    const { guard, look } = guardOf();
    expect(guard.has(100 * GIB), 'before the first look').toBe(true);
    await look(300);
    expect([guard.has(44 * MIB), guard.has(45 * MIB)]).toEqual([true, false]);
    expect([guard.take(40 * MIB), guard.take(5 * MIB), guard.take(4 * MIB)]).toEqual([true, false, true]);
    expect([guard.freeBytes, guard.isLow]).toEqual([256 * MIB, false]);
    await look(300);
    expect(guard.has(44 * MIB), 'after the next look').toBe(true);
    await look(100);
    expect([guard.has(0), guard.take(1)]).toEqual([false, false]);
  });

  it('asks for the end of the process before the last room is gone, once', async () => {
    const { told, world, look } = guardOf();
    await look(10);
    expect(told.full.map(({ message }) => message)).toEqual([
      expect.stringContaining('Only 10.0 MiB are free for /data'),
    ]);
    expect(world.looks).toBe(1);
  });
});
