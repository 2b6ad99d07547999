import { beforeEach, describe, expect, it } from 'vitest';
import { ROTATE_EVERY_MS, RingWorld, settled } from '../../testing/ring-world.ts';
import type { NodeName, StampMs } from '../../protocol/ids.ts';
import { encodeRingFrame } from './ring-frames.ts';
import { OLD_EPOCH_MS } from './ring-keys.ts';
import { testIdentity } from '../../testing/test-identity.ts';

let world: RingWorld;
beforeEach(() => {
  world = new RingWorld('n1', 'n2', 'n3');
});

const epochs = (): (number | null)[] => [...world.nodes.values()].map(({ epoch }) => epoch);
const keyOf = (name: string): Uint8Array => world.node(name).keys.current!.key;
const lead = (name: string): void => {
  world.leader = name as NodeName;
};

describe('by schedule', () => {
  it('the leader makes the first key at once, and everybody holds the same', async () => {
    await world.pass(400);
    expect(epochs()).toEqual([1, 1, 1]);
    expect(world.row).toMatchObject({ epoch: 1, cause: 'founded' });
    expect(keyOf('n2')).toEqual(keyOf('n1'));
    expect(keyOf('n3')).toEqual(keyOf('n1'));
  });

  it('the leader makes another one every interval, neither earlier nor twice', async () => {
    await world.pass(400);
    await world.pass(ROTATE_EVERY_MS - 1_000);
    expect(world.row!.epoch).toBe(1);
    expect(world.node('n2').keeper.nextInMs).toBeGreaterThan(0);
    await world.pass(2_000);
    expect(world.row).toMatchObject({ epoch: 2, cause: 'scheduled' });
    await world.pass(10 * ROTATE_EVERY_MS);
    expect(world.row!.epoch).toBeGreaterThanOrEqual(11);
    expect(world.row!.epoch).toBeLessThanOrEqual(12);
    expect(new Set(epochs())).toEqual(new Set([world.row!.epoch]));
  });

  it('the leader makes one in time also where the clock goes back, by which the epoch began', async () => {
    await world.pass(400);
    world.chat.stampMs = (world.chat.stampMs - 3_600_000) as StampMs;
    await world.pass(ROTATE_EVERY_MS - 1_000);
    expect(world.row!.epoch).toBe(1);
    await world.pass(2_000);
    expect(world.row!.epoch).toBe(2);
  });

  it('nobody else does, and one proposal is out at a time', async () => {
    await world.pass(5_000, { holding: true });
    expect(world.proposals.map(({ by }) => by)).toEqual(['n1']);
  });

  it('one whose fate is not known is made again after a while, and counts once if the first came through after all', async () => {
    await world.pass(400, { holding: true });
    const [first] = world.proposals.splice(0);
    first!.fail('no_leader');
    await world.pass(700, { holding: true });
    expect(world.proposals).toEqual([]);
    await world.pass(600, { holding: true });
    expect(world.errors).toHaveLength(1);
    const [second] = world.proposals.splice(0);
    // The first comes into the log after all, and then the second.
    first!.commit();
    second!.commit();
    await world.pass(1_000);
    expect(world.row!.epoch).toBe(1);
    expect(epochs()).toEqual([1, 1, 1]);
  });
});

describe('on demand', () => {
  beforeEach(() => world.pass(400));

  it('a new key is there for all, and the one before is taken for a minute more', async () => {
    const rotation = world.node('n1').keeper.rotate('asked');
    await world.pass(400);
    expect(await rotation).toBe(2);
    expect(epochs()).toEqual([2, 2, 2]);
    expect(world.row).toMatchObject({ epoch: 2, cause: 'asked' });
    const { keys } = world.node('n2');
    expect(keys.keyOf(1)).toBeDefined();
    world.clock.advance(OLD_EPOCH_MS);
    expect(keys.keyOf(1)).toBeUndefined();
    expect(keys.keyOf(2)).toBeDefined();
  });

  it('twice at once is one new key, and the interval begins anew with it', async () => {
    await world.pass(ROTATE_EVERY_MS - 2_000);
    const rotations = [world.node('n1').keeper.rotate('asked'), world.node('n1').keeper.rotate('asked')];
    await world.pass(400);
    expect(await Promise.all(rotations)).toEqual([2, 2]);
    await world.pass(ROTATE_EVERY_MS - 2_000);
    expect(world.row!.epoch).toBe(2);
  });

  it('says why there is none, and whoever asked may ask again', async () => {
    const rotation = world.node('n1').keeper.rotate('asked');
    world.proposals.splice(0)[0]!.fail('no_leader');
    await expect(rotation).rejects.toMatchObject({ code: 'no_leader' });
    expect(epochs()).toEqual([1, 1, 1]);
    const again = world.node('n1').keeper.rotate('asked');
    await world.pass(400);
    expect(await again).toBe(2);
  });
});

describe('when the leader changes in the middle', () => {
  beforeEach(() => world.pass(400));

  it.each([
    ['the old one’s key comes first', [0, 1]],
    ['the new one’s key comes first', [1, 0]],
  ])('one key is made, whoever’s it is: %s', async (_, order) => {
    await world.pass(ROTATE_EVERY_MS, { holding: true });
    lead('n2');
    await world.pass(1_000, { holding: true });
    const held = world.proposals.splice(0);
    expect(held.map(({ by }) => by)).toEqual(['n1', 'n2']);
    for (const at of order) held[at]!.commit();
    await world.pass(2_000);
    expect(world.row!.epoch).toBe(2);
    expect(epochs()).toEqual([2, 2, 2]);
    expect(keyOf('n1')).toEqual(keyOf('n2'));
  });

  it('the new one makes the key that the old one never brought into the log', async () => {
    await world.pass(ROTATE_EVERY_MS, { holding: true });
    world.proposals.splice(0)[0]!.fail('no_leader');
    lead('n2');
    await world.pass(1_000);
    expect(epochs()).toEqual([2, 2, 2]);
    expect(world.row).toMatchObject({ epoch: 2, cause: 'scheduled' });
    expect(world.errors).toHaveLength(1);
  });

  it('whoever led before makes none any more', async () => {
    lead('n2');
    await world.pass(2 * ROTATE_EVERY_MS, { holding: true });
    expect(new Set(world.proposals.map(({ by }) => by))).toEqual(new Set(['n2']));
  });
});

describe('with a removal', () => {
  beforeEach(() => world.pass(400));

  it('those who stay go over at once, and the one before counts no more, also for who is out', async () => {
    const before = keyOf('n1');
    world.remove('n3');
    for (const { keeper } of world.nodes.values()) keeper.look();
    expect(epochs()).toEqual([2, 2, null]);
    for (const { keys } of world.nodes.values()) expect(keys.keyOf(1)).toBeUndefined();
    expect(keyOf('n1')).not.toEqual(before);
    // It asks in vain.
    await world.pass(5_000);
    expect(world.node('n3').asked).toBeGreaterThan(0);
    expect(world.node('n3').keys.current).toBeNull();
  });

  it('a rotation that was under way, sealed to who goes, counts for nothing', async () => {
    await world.pass(ROTATE_EVERY_MS, { holding: true });
    world.remove('n3');
    for (const proposal of world.proposals.splice(0)) proposal.commit();
    await world.pass(1_000);
    expect(world.row).toMatchObject({ epoch: 2, cause: 'removal' });
    expect(epochs()).toEqual([2, 2, null]);
  });

  it('the next scheduled one is not for who went', async () => {
    world.remove('n3');
    await world.pass(ROTATE_EVERY_MS + 1_000);
    expect(world.row).toMatchObject({ epoch: 3, cause: 'scheduled' });
    expect(epochs()).toEqual([3, 3, null]);
  });
});

describe('a node that was not there when the key was made', () => {
  beforeEach(() => world.pass(400));

  it('asks others until one answers', async () => {
    for (const name of ['n1', 'n2', 'n3']) world.node(name).hears = false;
    const late = world.start('n4');
    await world.pass(2_000);
    expect(late.epoch).toBeNull();
    expect(late.asked).toBeGreaterThan(3);
    world.node('n2').hears = true;
    await world.pass(1_000);
    expect(late.epoch).toBe(1);
    expect(late.keys.current!.key).toEqual(keyOf('n1'));
    const { asked } = late;
    await world.pass(2_000);
    expect(late.asked).toBe(asked);
  });

  it('takes no other key than the log knows', async () => {
    for (const name of ['n1', 'n2', 'n3']) world.node(name).hears = false;
    const late = world.start('n4');
    const answer = (epoch: number, key: Uint8Array): void =>
      late.keeper.receive({
        ...{ from: 'n1' as NodeName, boot: 1, identity: testIdentity('n1').public, kind: 'ring' as const },
        payload: encodeRingFrame({ epoch, key }),
      });
    answer(1, new Uint8Array(32).fill(7));
    answer(2, keyOf('n1'));
    expect(late.epoch).toBeNull();
    answer(1, keyOf('n1'));
    expect(late.epoch).toBe(1);
  });

  it('does not know why the epochs before ended, so none of their keys counts after it was away', async () => {
    const away = world.node('n3');
    away.keeper.stop();
    for (let rotation = 0; rotation < 2; rotation += 1) {
      const done = world.node('n1').keeper.rotate('asked');
      await world.pass(300);
      await done;
    }
    expect(away.epoch).toBe(1);
    away.keeper.look();
    expect(away.epoch).toBe(3);
    expect(away.keys.keyOf(1)).toBeUndefined();
  });
});

it('what is no frame of the ring is left alone', async () => {
  await world.pass(400);
  const { keeper } = world.node('n2');
  for (const length of [0, 7, 9, 39, 41]) {
    keeper.receive({
      ...{ from: 'n1' as NodeName, boot: 1, identity: testIdentity('n1').public, kind: 'ring' as const },
      payload: new Uint8Array(length).fill(0xff),
    });
  }
  await settled();
  expect(epochs()).toEqual([1, 1, 1]);
});
