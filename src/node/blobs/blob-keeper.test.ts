import { openedBlob } from '../../testing/blobs/sealed-blob.ts';
import { singleSeal } from '../../testing/store/test-keys.ts';
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blobChunkBytes, BLOB_CHUNK_BYTES } from '../../protocol/blobs.ts';
import { BlobCluster } from '../../testing/blobs/blob-cluster.ts';
import { makeTestBlob } from '../../testing/blobs/test-blob.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { TestBlob } from '../../testing/blobs/test-blob.ts';
import type { NodeName } from '../../protocol/ids.ts';

const SIZE = 5 * BLOB_CHUNK_BYTES + 1_234;

let cluster: BlobCluster;
beforeEach(() => {
  cluster = new BlobCluster(['n1', 'n2', 'n3']);
});
afterEach(() => cluster.close());

const code = (wanted: string) => expect.objectContaining({ code: wanted });
const holds = (name: string, test: TestBlob): boolean =>
  cluster.files(name).some((path) => path.endsWith(`${test.blob}.data`));
const dataOf = (name: string, test: TestBlob): string =>
  cluster.files(name).find((path) => path.endsWith(`${test.blob}.data`))!;
const isSound = (name: string, test: TestBlob): boolean =>
  holds(name, test) && openedBlob(dataOf(name, test), test.blob)?.equals(test.bytes) === true;
/** Waits until it is. */
async function isHeldBy(test: TestBlob, ...names: string[]): Promise<boolean> {
  await waitUntil(() => names.every((name) => isSound(name, test)));
  return true;
}

describe('files on several nodes', () => {
  it('are on all disks soon, on a majority when the upload is acknowledged, and read from any node', async () => {
    cluster.start();
    const test = makeTestBlob(SIZE);
    await cluster.upload('n1', test);
    expect(['n1', 'n2', 'n3'].filter((name) => isSound(name, test)).length).toBeGreaterThanOrEqual(2);
    expect(await isHeldBy(test, 'n1', 'n2', 'n3')).toBe(true);
    for (const name of ['n1', 'n2', 'n3']) expect((await cluster.bytes(name, test)).equals(test.bytes)).toBe(true);
    const [from, to] = [BLOB_CHUNK_BYTES - 3, 2 * BLOB_CHUNK_BYTES + 5];
    expect((await cluster.bytes('n3', test, from, to)).equals(Buffer.from(test.bytes).subarray(from, to))).toBe(true);
  });

  it.each([1, BLOB_CHUNK_BYTES, BLOB_CHUNK_BYTES + 1])('of %i bytes', async (size) => {
    cluster.start();
    const test = makeTestBlob(size);
    await cluster.upload('n2', test);
    expect((await cluster.bytes('n1', test)).equals(test.bytes)).toBe(true);
  });

  it('are not acknowledged while a minority has them, and are once a majority is there', async () => {
    cluster.start('n1');
    const test = makeTestBlob(SIZE);
    cluster.begin(test);
    const n1 = cluster.keeper('n1');
    await n1.open(test.blob, SIZE, test.hashes);
    await expect(n1.replicate(test.blob, 50)).rejects.toEqual(code('blob_incomplete'));
    for (const [i, chunk] of test.chunks.entries()) await n1.put(test.blob, i, chunk);
    await expect(n1.replicate(test.blob, 300)).rejects.toEqual(code('deadline_exceeded'));
    cluster.start('n3');
    await n1.replicate(test.blob, 20_000);
    expect(isSound('n3', test)).toBe(true);
  });

  it('go on at another node, which has what the first had passed on, and after a restart', async () => {
    cluster.start();
    const test = makeTestBlob(SIZE);
    cluster.begin(test);
    await cluster.keeper('n1').open(test.blob, SIZE, test.hashes);
    for (const i of [0, 1, 2, 4]) await cluster.keeper('n1').put(test.blob, i, test.chunks[i]!);
    const missingAt = async (name: string) => (await cluster.keeper(name).open(test.blob, SIZE, test.hashes)).missing;
    await waitUntil(async () => JSON.stringify(await missingAt('n2')) === '[[3,5]]');
    await cluster.stop('n1');
    await cluster.stop('n2');
    cluster.start('n2');
    expect(await missingAt('n2')).toEqual([[3, 5]]);
    for (const i of [3, 4, 5]) await cluster.keeper('n2').put(test.blob, i, test.chunks[i]!);
    await cluster.keeper('n2').replicate(test.blob, 20_000);
    expect(isSound('n3', test)).toBe(true);
    cluster.start('n1');
    expect(await missingAt('n1')).toEqual([
      [3, 3],
      [5, 5],
    ]);
    cluster.store(test);
    expect(await isHeldBy(test, 'n1')).toBe(true);
  });

  it('are refused by a node without room, which keeps nothing of them; it gets them once there is some', async () => {
    cluster.start();
    const test = makeTestBlob(SIZE);
    const n1 = cluster.keeper('n1');
    cluster.room.set('n1' as NodeName, SIZE - 1);
    await expect(n1.ensureRoom(test.blob, SIZE)).rejects.toEqual(code('disk_low'));
    expect(cluster.files('n1')).toEqual([]);
    await cluster.upload('n2', test);
    expect(await isHeldBy(test, 'n2', 'n3')).toBe(true);
    expect(cluster.files('n1')).toEqual([]);
    expect((await cluster.bytes('n1', test)).equals(test.bytes), 'read through it').toBe(true);
    await n1.ensureRoom(test.blob, SIZE);
    cluster.room.delete('n1' as NodeName);
    expect(await isHeldBy(test, 'n1')).toBe(true);
  });

  it('that run out of room on the way leave nothing of themselves there, and go on at another node', async () => {
    cluster.start();
    const test = makeTestBlob(SIZE);
    cluster.begin(test);
    const n1 = cluster.keeper('n1');
    await n1.ensureRoom(test.blob, SIZE);
    await n1.open(test.blob, SIZE, test.hashes);
    cluster.room.set('n1' as NodeName, 2 * BLOB_CHUNK_BYTES);
    await expect(n1.put(test.blob, 0, test.chunks[1]!), 'counts nothing').rejects.toEqual(code('blob_mismatch'));
    for (const i of [0, 1, 1]) await n1.put(test.blob, i, test.chunks[i]!);
    await expect(n1.put(test.blob, 2, test.chunks[2]!)).rejects.toEqual(code('disk_low'));
    expect(cluster.files('n1')).toEqual([]);
    await expect(n1.put(test.blob, 2, test.chunks[2]!)).rejects.toEqual(code('no_such_blob'));
    await cluster.upload('n3', test);
    expect(await isHeldBy(test, 'n2', 'n3')).toBe(true);
    cluster.room.delete('n1' as NodeName);
    expect(await isHeldBy(test, 'n1')).toBe(true);
  });

  it('leave nothing behind either when several chunks are on their way as the room ends', async () => {
    cluster.start('n1');
    const test = makeTestBlob(SIZE);
    cluster.begin(test);
    const n1 = cluster.keeper('n1');
    await n1.open(test.blob, SIZE, test.hashes);
    cluster.room.set('n1' as NodeName, 3 * BLOB_CHUNK_BYTES);
    const puts = await Promise.allSettled(test.chunks.map((chunk, i) => n1.put(test.blob, i, chunk)));
    expect(
      puts.filter(({ status }) => status === 'rejected').map((put) => 'reason' in put && put.reason),
    ).toContainEqual(code('disk_low'));
    expect(cluster.files('n1')).toEqual([]);
  });

  it('believe no bytes but those that the id stands for', async () => {
    cluster.start('n1');
    const [test, other] = [makeTestBlob(SIZE), makeTestBlob(SIZE)];
    const n1 = cluster.keeper('n1');
    cluster.begin(test);
    await expect(n1.open(test.blob, SIZE, other.hashes)).rejects.toEqual(code('blob_mismatch'));
    await expect(n1.open(test.blob, SIZE - 1, test.hashes)).rejects.toEqual(code('blob_mismatch'));
    await expect(n1.put(test.blob, 0, test.chunks[0]!)).rejects.toEqual(code('no_such_blob'));
    await n1.open(test.blob, SIZE, test.hashes);
    await expect(n1.put(test.blob, 0, test.chunks[1]!)).rejects.toEqual(code('blob_mismatch'));
    await expect(n1.put(test.blob, 0, test.chunks[0]!.subarray(1))).rejects.toEqual(code('blob_mismatch'));
    await expect(n1.put(test.blob, 5, new Uint8Array(blobChunkBytes(SIZE, 5)))).rejects.toEqual(code('blob_mismatch'));
    await expect(n1.put(test.blob, 6, test.chunks[0]!)).rejects.toEqual(code('invalid_field'));
    expect((await n1.open(test.blob, SIZE, test.hashes)).missing).toEqual([[0, 5]]);
  });

  it.each([
    ['a flipped bit', (path: string) => flip(path, BLOB_CHUNK_BYTES + 7)],
    ['a lost end', (path: string) => truncateSync(path, 2 * BLOB_CHUNK_BYTES)],
    ['bytes too many', (path: string) => appendFileSync(path, 'x')],
    ['a lost file', (path: string) => rmSync(path)],
    ['a damaged list', (path: string) => flip(path.replace(/data$/, 'list'), 100)],
    ['a lost list', (path: string) => rmSync(path.replace(/data$/, 'list'))],
  ])('are served right, and mended, after %s', async (_what, damage) => {
    cluster.start();
    const test = makeTestBlob(SIZE);
    await cluster.upload('n1', test);
    expect(await isHeldBy(test, 'n1', 'n2', 'n3')).toBe(true);
    await cluster.stop('n3');
    damage(dataOf('n3', test));
    cluster.start('n3');
    expect((await cluster.bytes('n3', test)).equals(test.bytes)).toBe(true);
    await waitUntil(() => isSound('n3', test));
    await waitUntil(() => readListOf('n3', test).equals(readListOf('n1', test)));
    await cluster.stop('n1');
    await cluster.stop('n2');
    expect((await cluster.bytes('n3', test)).equals(test.bytes)).toBe(true);
  });

  it('are mended where another node finds the damage', async () => {
    cluster.start();
    const test = makeTestBlob(SIZE);
    await cluster.upload('n1', test);
    expect(await isHeldBy(test, 'n1', 'n2', 'n3')).toBe(true);
    flip(dataOf('n1', test), 5);
    await cluster.stop('n2');
    rmSync(dataOf('n2', test));
    cluster.start('n2');
    expect(await isHeldBy(test, 'n2', 'n1')).toBe(true);
    await waitUntil(() => cluster.warnings.includes('a damaged file was mended from other nodes'));
  });

  it('come to a node that was away, or lost its disk', async () => {
    cluster.start('n1', 'n2');
    const tests = [makeTestBlob(SIZE), makeTestBlob(10), makeTestBlob(BLOB_CHUNK_BYTES)];
    for (const test of tests) await cluster.upload('n1', test);
    cluster.start('n3');
    for (const test of tests) expect(await isHeldBy(test, 'n3')).toBe(true);
    await cluster.stop('n3');
    for (const path of cluster.files('n3')) rmSync(path);
    cluster.start('n3');
    for (const test of tests) expect(await isHeldBy(test, 'n3')).toBe(true);
  });

  it('are gone from all disks when the state has dropped them, also where a node was away', async () => {
    cluster.start();
    const [test, kept] = [makeTestBlob(SIZE), makeTestBlob(SIZE)];
    await cluster.upload('n1', kept);
    await cluster.upload('n1', test);
    expect(await isHeldBy(test, 'n1', 'n2', 'n3')).toBe(true);
    await cluster.stop('n3');
    await cluster.expire(test);
    await waitUntil(() => !holds('n1', test) && !holds('n2', test));
    expect(holds('n3', test)).toBe(true);
    cluster.start('n3');
    const gone = (name: string): boolean => !cluster.files(name).some((path) => path.includes(test.blob));
    await waitUntil(() => ['n1', 'n2', 'n3'].every(gone));
    await expect(cluster.keeper('n1').put(test.blob, 0, test.chunks[0]!)).rejects.toEqual(code('no_such_blob'));
    expect(await isHeldBy(kept, 'n1', 'n2', 'n3')).toBe(true);
  });

  it('are not removed by a node that cannot know whether its state is the newest', async () => {
    cluster.start();
    const test = makeTestBlob(SIZE);
    await cluster.upload('n1', test);
    expect(await isHeldBy(test, 'n1', 'n2', 'n3')).toBe(true);
    cluster.hasLeader = false;
    await cluster.expire(test);
    await cluster.stop('n2');
    cluster.start('n2');
    // By the time a leader is there, the same bytes have been uploaded again.
    cluster.begin(test);
    cluster.store(test);
    cluster.hasLeader = true;
    const other = makeTestBlob(3);
    await cluster.upload('n2', other);
    await cluster.expire(other);
    await waitUntil(() => ['n1', 'n2', 'n3'].every((name) => !holds(name, other)));
    expect(await isHeldBy(test, 'n1', 'n2', 'n3')).toBe(true);
  });

  it('arrive over a network that loses much', async () => {
    let frames = 0;
    cluster.loses = () => (frames += 1) % 8 === 0;
    cluster.start();
    const test = makeTestBlob(SIZE);
    await cluster.upload('n1', test);
    expect(await isHeldBy(test, 'n1', 'n2', 'n3')).toBe(true);
  });

  it('that no node has are unavailable, and say so', async () => {
    cluster.start();
    const test = makeTestBlob(SIZE);
    cluster.begin(test);
    cluster.store(test);
    await expect(cluster.bytes('n1', test)).rejects.toEqual(code('blob_unavailable'));
  });

  it('survive frames that are none', () => {
    cluster.start();
    for (const payload of [new Uint8Array(0), new Uint8Array(40).fill(0x91), Uint8Array.from([0x91, 1])]) {
      cluster.keeper('n1').handleFrame({ from: 'n2' as never, boot: 1, identity: null, kind: 'blob', payload });
    }
    expect(cluster.warnings).toHaveLength(3);
  });
});

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

/** Size and hashes; nothing where there are none. The key of the chunks, which stands before them, is each node's own. */
function readListOf(name: string, test: TestBlob): Buffer {
  const path = cluster.files(name).find((file) => file.endsWith(`${test.blob}.list`));
  const list = path === undefined ? undefined : singleSeal().open(`list/${test.blob}`, readFileSync(path));
  return list?.subarray(32) ?? Buffer.alloc(0);
}
