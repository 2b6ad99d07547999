import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { blobIdOf } from '../protocol/blobs.ts';
import { LIMITS } from '../protocol/limits.ts';
import { ChatHarness, commandBytes } from '../testing/chat-harness.ts';
import { applyBatch } from './apply.ts';
import { blobById, blobInRoom, blobsAfter, blobUseOf } from './queries-blobs.ts';
import { findExpired } from './queries-sweep.ts';
import type { BlobId, RoomId, Seq } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

const QUOTA_BYTES = 1_000_000;
const idOf = (label: number): BlobId => blobIdOf(100_000, new Uint8Array(32).fill(label));

let chat: ChatHarness;
let ann: Person;
let bob: Person;
let room: RoomId;

beforeEach(() => {
  chat = new ChatHarness();
  [ann, bob] = [chat.register('ann'), chat.register('bob')];
  room = chat.directRoom(ann, bob);
});

const begin = (who: Person | null, blob: BlobId, sizeBytes = 100_000, quotaBytes = QUOTA_BYTES) =>
  chat.run('blob.begin', who, { blob, sizeBytes, quotaBytes });
const store = (blob: BlobId) => chat.must('blob.stored', null, { blob });
const upload = (who: Person, blob: BlobId): BlobId => {
  expect(begin(who, blob)).toMatchObject({ ok: true });
  store(blob);
  return blob;
};
const send = (who: Person, where: RoomId, blobs: readonly BlobId[], txnId = chat.txn()) =>
  chat.run('message.send', who, { room: where, envelope: chat.envelope(who, where, txnId, 'x', { blobs }) }, txnId);
const sweep = async (): Promise<number> =>
  chat.must('state.sweep', null, { keys: await findExpired(chat.view, chat.stampMs, 1_000) }).removed;
/** @returns files that nodes have to look after now */
function takeAway(where: RoomId, seq: number): readonly BlobId[] {
  chat.touchedBlobs.clear();
  chat.run('message.delete', ann, { room: where, seq: seq as Seq });
  chat.run('message.delete', bob, { room: where, seq: seq as Seq });
  return [...chat.touchedBlobs];
}
const rowsOf = (prefix: string): string[] => [...chat.view.rows.keys()].filter((key) => key.startsWith(prefix));

describe('files in the state', () => {
  it('are begun, stored and referred to; then they stay', async () => {
    const blob = idOf(1);
    expect(begin(ann, blob)).toMatchObject({ ok: true, value: { stored: false } });
    expect(send(ann, room, [blob])).toMatchObject({ ok: false, code: 'blob_missing', data: { blobs: [blob] } });
    store(blob);
    expect(send(ann, room, [blob])).toMatchObject({ ok: true, value: { seq: 1 } });
    expect(blobById(chat.view, blob)).toMatchObject({ stored: true, references: 1, expiresAt: null });
    chat.wait(2 * LIMITS.blobUnreferencedTtlMs);
    await sweep();
    expect(blobById(chat.view, blob)).toMatchObject({ references: 1 });
    expect(await blobsAfter(chat.view, '', 10)).toHaveLength(1);
    expect(await blobsAfter(chat.view, blob, 10)).toHaveLength(0);
  });

  it('that no message refers to end in their time, and give their room back', async () => {
    const blob = upload(ann, idOf(1));
    begin(ann, idOf(2));
    chat.wait(LIMITS.blobUnreferencedTtlMs - 1);
    await sweep();
    expect(blobUseOf(chat.view, ann.account)).toBe(200_000);
    store(blob);
    chat.wait(1);
    await sweep();
    // Stored anew a moment ago, so its time began anew.
    expect([blobById(chat.view, blob)?.stored, blobById(chat.view, idOf(2))]).toEqual([true, undefined]);
    chat.wait(LIMITS.blobUnreferencedTtlMs);
    await sweep();
    expect([...rowsOf('B/'), ...rowsOf('U/'), ...rowsOf('F/')]).toEqual([]);
    expect(chat.code('blob.stored', null, { blob })).toBe('no_such_blob');
  });

  it('go with the last message that referred to them, and not before', () => {
    const blob = upload(ann, idOf(1));
    const group = chat.groupRoom(ann, bob);
    send(ann, room, [blob]);
    send(ann, group, [blob]);
    send(ann, group, [blob]);
    expect(takeAway(group, 1)).toEqual([]);
    expect(takeAway(group, 1)).toEqual([]);
    expect(takeAway(room, 1)).toEqual([]);
    expect(blobById(chat.view, blob)).toMatchObject({ references: 1 });
    expect(takeAway(group, 2)).toEqual([blob]);
    expect([...rowsOf('B/'), ...rowsOf('U/'), ...rowsOf('F/')]).toEqual([]);
    expect(send(ann, room, [blob])).toMatchObject({ code: 'blob_missing' });
  });

  it('are of whoever began them', () => {
    const blob = upload(ann, idOf(1));
    expect(begin(bob, blob)).toMatchObject({ code: 'blob_taken' });
    expect(send(bob, room, [blob])).toMatchObject({ code: 'blob_missing' });
    expect(begin(null, blob)).toMatchObject({ code: 'unauthenticated' });
    expect(chat.code('blob.stored', ann, { blob })).toBe('forbidden');
    expect(begin(ann, blob, 5)).toMatchObject({ code: 'invalid_field' });
    expect(begin(ann, blob)).toMatchObject({ ok: true, value: { stored: true } });
  });

  it('fit the room of their account, with a least charge, whichever way it is asked', () => {
    expect(begin(ann, idOf(1), 100_000, 100_000)).toMatchObject({ ok: true });
    expect(begin(ann, idOf(1), 100_000, 100_000)).toMatchObject({ ok: true });
    expect(begin(ann, blobIdOf(1, idBytes(9)), 1, 100_001)).toMatchObject({
      code: 'quota_exceeded',
      data: { what: 'fileBytes', used: 100_000, limit: 100_001, account: ann.account },
    });
    expect(begin(bob, blobIdOf(1, idBytes(9)), 1, LIMITS.blobChargeBytesMin)).toMatchObject({ ok: true });
    expect(blobUseOf(chat.view, ann.account)).toBe(100_000);
  });

  it('are counted once for a message that is sent again', () => {
    const blob = upload(ann, idOf(1));
    const txnId = chat.txn();
    expect(send(ann, room, [blob], txnId)).toEqual(send(ann, room, [blob], txnId));
    expect(blobById(chat.view, blob)).toMatchObject({ references: 1 });
  });

  it('are read by members who may read a message that refers to them', async () => {
    const [first, second] = [upload(ann, idOf(1)), upload(ann, idOf(2))];
    const eve = chat.register('eve');
    const group = chat.groupRoom(ann, bob);
    send(ann, group, [first]);
    send(ann, room, [second]);
    const readable = async (who: Person, where: RoomId, blob: BlobId): Promise<boolean> =>
      (await blobInRoom(chat.view, { account: who.account, room: where, blob })) !== undefined;
    expect(await readable(bob, group, first)).toBe(true);
    expect(await readable(bob, group, second)).toBe(false);
    expect(await readable(eve, group, first)).toBe(false);
    chat.must('room.add', ann, { room: group, members: [eve.account] });
    // Eve joined later: what was sent before is not for her.
    expect(await readable(eve, group, first)).toBe(false);
    send(ann, group, [first]);
    expect(await readable(eve, group, first)).toBe(true);
    takeAway(group, 2);
    expect(await readable(eve, group, first)).toBe(false);
    chat.must('room.remove', ann, { room: group, member: bob.account });
    expect(await readable(bob, group, first)).toBe(false);
  });

  it('belong to messages, not to what relates to them', () => {
    const blob = upload(ann, idOf(1));
    send(ann, room, [blob]);
    const txnId = chat.txn();
    const relation = { type: 'reaction', seq: 1 as Seq } as const;
    const envelope = chat.envelope(ann, room, txnId, 'y', { blobs: [blob], relation });
    expect(chat.code('message.send', ann, { room, envelope }, txnId)).toBe('invalid_envelope');
    const plain = chat.envelope(ann, room, txnId, 'y', { relation });
    chat.must('message.send', ann, { room, envelope: plain }, txnId);
    expect(takeAway(room, 1)).toEqual([blob]);
  });

  it('cost what the batch costs, however many there are', () => {
    for (let i = 0; i < 200; i++) begin(ann, idOf(i), 100_000, Number.MAX_SAFE_INTEGER);
    let touched = 0;
    const counting = {
      get: (key: string) => (touched++, chat.view.get(key)),
      put: (key: string, value: Uint8Array) => (touched++, chat.view.put(key, value)),
      delete: (key: string) => (touched++, chat.view.delete(key)),
    };
    const body = { blob: idOf(250), sizeBytes: 100_000, quotaBytes: Number.MAX_SAFE_INTEGER };
    const commands = [commandBytes('blob.begin', ann, body, chat.txn())];
    applyBatch(counting, { index: 1_000, stampMs: chat.stampMs, commands }, chat.context);
    expect(touched).toBeLessThan(10);
  });

  it('keep their counts and charges right in any history', async () => {
    const step = fc.record({
      do: fc.constantFrom('begin', 'store', 'send', 'send', 'take', 'wait', 'sweep'),
      blob: fc.nat({ max: 3 }),
      who: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        chat = new ChatHarness();
        [ann, bob] = [chat.register('ann'), chat.register('bob')];
        room = chat.directRoom(ann, bob);
        const standing: { seq: number; blobs: BlobId[] }[] = [];
        for (const one of steps) {
          const [who, blob] = [one.who ? ann : bob, idOf(one.blob)];
          if (one.do === 'begin') begin(who, blob);
          if (one.do === 'store') chat.run('blob.stored', null, { blob });
          if (one.do === 'wait') chat.wait(LIMITS.blobUnreferencedTtlMs / 2);
          if (one.do === 'sweep') await sweep();
          if (one.do === 'send') {
            const blobs = [...new Set([blob, idOf(0)])].toSorted();
            const result = send(who, room, blobs);
            if (result.ok) standing.push({ seq: result.value.seq, blobs });
          }
          const [gone] = one.do === 'take' ? standing.splice(one.blob % Math.max(1, standing.length), 1) : [];
          if (gone !== undefined) takeAway(room, gone.seq);
        }
        const infos = await blobsAfter(chat.view, '', 100);
        for (const { blob, references, expiresAt, stored } of infos) {
          const referring = standing.filter(({ blobs }) => blobs.includes(blob)).length;
          expect([references, expiresAt === null, stored || references === 0]).toEqual([
            referring,
            referring > 0,
            true,
          ]);
        }
        for (const { blobs } of standing) {
          for (const blob of blobs) expect(blobById(chat.view, blob)).toBeDefined();
        }
        for (const { account } of [ann, bob]) {
          expect(blobUseOf(chat.view, account)).toBe(infos.filter(({ owner }) => owner === account).length * 100_000);
        }
        const expiring = rowsOf('x/').filter((key) => key.includes('/B/'));
        expect(expiring).toHaveLength(infos.filter(({ expiresAt }) => expiresAt !== null).length);
      }),
      { numRuns: 60 },
    );
  });
});

function idBytes(label: number): Uint8Array {
  return new Uint8Array(32).fill(label);
}
