import { createHash } from 'node:crypto';
import { toBase64Url } from '../../src/protocol/base64url.ts';
import { makeTestBlob } from '../../src/testing/blobs/test-blob.ts';
import { nextTxnId } from '../../src/testing/api-person.ts';
import type { RouteCases } from './route-case.ts';

const SECRET = new Uint8Array(32).fill(3);
const secretHash = (): string => toBase64Url(createHash('sha256').update(SECRET).digest());
const link = (): object => ({ secretHash: secretHash(), ttlMs: 3_600_000, usesMax: 3, txnId: nextTxnId() });

/** Rooms, their members, messages, files and receipts. Rooms are ada's; carl is in none of them. */
export const ROOM_CASES: RouteCases = {
  'POST /v1/rooms': (stage) => ({
    path: '/v1/rooms',
    json: { kind: 'group', members: [stage.bob.account], txnId: nextTxnId() },
  }),
  'GET /v1/rooms': async (stage) => {
    await stage.group(stage.bob);
    return { path: '/v1/rooms?limit=5' };
  },
  'GET /v1/rooms/{room}': async (stage) => ({ path: `/v1/rooms/${await stage.group(stage.bob)}` }),
  'PATCH /v1/rooms/{room}': async (stage) => {
    const path = `/v1/rooms/${await stage.group(stage.bob)}`;
    for (const change of [{ archived: true }, { archived: false }, { retentionMs: 86_400_000 }]) {
      await stage.needs(stage.ada, 'PATCH', path, { ...change, txnId: nextTxnId() });
    }
    return { path, json: { messageTtlMs: 60_000, txnId: nextTxnId() }, deniedTo: stage.bob.token };
  },
  'GET /v1/rooms/{room}/members': async (stage) => ({ path: `/v1/rooms/${await stage.group(stage.bob)}/members` }),
  'PUT /v1/rooms/{room}/members/{name}': async (stage) => {
    const room = await stage.group(stage.bob);
    return { path: `/v1/rooms/${room}/members/root`, json: { txnId: nextTxnId() }, deniedTo: stage.bob.token };
  },
  'PATCH /v1/rooms/{room}/members/{name}': async (stage) => {
    const room = await stage.group(stage.bob);
    const json = { role: 'admin', txnId: nextTxnId() };
    return { path: `/v1/rooms/${room}/members/bob`, json, deniedTo: stage.bob.token };
  },
  'DELETE /v1/rooms/{room}/members/{name}': async (stage) => {
    const room = await stage.group(stage.bob, stage.root);
    return { path: `/v1/rooms/${room}/members/root?txnId=${nextTxnId()}`, deniedTo: stage.bob.token };
  },
  'POST /v1/rooms/{room}/links': async (stage) => {
    const room = await stage.group(stage.bob);
    return { path: `/v1/rooms/${room}/links`, json: link(), deniedTo: stage.bob.token };
  },
  'GET /v1/rooms/{room}/links': async (stage) => {
    const path = `/v1/rooms/${await stage.group(stage.bob)}/links`;
    await stage.needs(stage.ada, 'POST', path, link());
    return { path, deniedTo: stage.bob.token };
  },
  'DELETE /v1/rooms/{room}/links/{secretHash}': async (stage) => {
    const path = `/v1/rooms/${await stage.group(stage.bob)}/links`;
    await stage.needs(stage.ada, 'POST', path, link());
    return { path: `${path}/${secretHash()}?txnId=${nextTxnId()}`, deniedTo: stage.bob.token };
  },
  'POST /v1/rooms/{room}/join': async (stage) => {
    const room = await stage.group();
    await stage.needs(stage.ada, 'POST', `/v1/rooms/${room}/links`, link());
    const json = { secret: toBase64Url(SECRET), txnId: nextTxnId() };
    return { path: `/v1/rooms/${room}/join`, json, token: stage.bob.token, deniedTo: stage.ada.token };
  },
  'GET /v1/open-rooms': async (stage) => {
    await stage.ada.createOpenRoom('Town Hall');
    return { path: '/v1/open-rooms?query=town' };
  },
  'PUT /v1/rooms/{room}/pins/{seq}': async (stage) => {
    const room = await stage.group(stage.bob);
    await stage.message(room);
    return { path: `/v1/rooms/${room}/pins/1`, json: { txnId: nextTxnId() } };
  },
  'DELETE /v1/rooms/{room}/pins/{seq}': async (stage) => {
    const room = await stage.group(stage.bob);
    await stage.message(room);
    await stage.needs(stage.ada, 'PUT', `/v1/rooms/${room}/pins/1`, { txnId: nextTxnId() });
    return { path: `/v1/rooms/${room}/pins/1?txnId=${nextTxnId()}` };
  },
  'PUT /v1/rooms/{room}/receipts': async (stage) => {
    const room = await stage.group(stage.bob);
    await stage.message(room);
    return { path: `/v1/rooms/${room}/receipts`, json: { delivered: 1, read: 1 }, token: stage.bob.token };
  },
  'GET /v1/rooms/{room}/receipts': async (stage) => {
    const path = `/v1/rooms/${await stage.group(stage.bob)}/receipts`;
    return { path };
  },
  'PUT /v1/receipts/sharing': () => ({ path: '/v1/receipts/sharing', json: { share: true, txnId: nextTxnId() } }),
  'GET /v1/rooms/{room}/presence': async (stage) => ({
    path: `/v1/rooms/${await stage.group(stage.bob)}/presence?accounts=bob,ada`,
  }),
  'PUT /v1/rooms/{room}/typing': async (stage) => ({
    path: `/v1/rooms/${await stage.group(stage.bob)}/typing`,
    json: { active: true },
    token: stage.bob.token,
  }),

  'PUT /v1/rooms/{room}/messages/{txnId}': async (stage) => {
    const roster = await stage.ada.room(await stage.group(stage.bob));
    const txnId = nextTxnId();
    const envelope = stage.ada.seal(roster, txnId, 'hello');
    return { path: `/v1/rooms/${roster.room}/messages/${txnId}`, json: { envelope }, deniedTo: stage.bob.token };
  },
  'GET /v1/rooms/{room}/messages': async (stage) => {
    const room = await stage.group(stage.bob);
    await stage.message(room);
    return { path: `/v1/rooms/${room}/messages?limit=10` };
  },
  'PUT /v1/rooms/{room}/deletions/{txnId}': async (stage) => {
    const room = await stage.group(stage.bob);
    await stage.message(room);
    const path = `/v1/rooms/${room}/deletions/${nextTxnId()}`;
    return { path, json: { seq: 1 }, deniedTo: stage.bob.token };
  },
  'POST /v1/reports': async (stage) => {
    const room = await stage.group(stage.bob);
    await stage.message(room);
    const json = { room, seq: 1, reason: 'spam', revealed: [], txnId: nextTxnId() };
    return { path: '/v1/reports', json, token: stage.bob.token, deniedTo: stage.carl.token };
  },

  'GET /v1/blobs': () => ({ path: '/v1/blobs' }),
  'PUT /v1/blobs/{blob}': (stage) => {
    const blob = makeTestBlob(5_000);
    // The time in which it has to be sent begins anew.
    return { path: `/v1/blobs/${blob.blob}`, json: stage.blobBegin(blob), repeats: 'not-the-same' };
  },
  'PUT /v1/blobs/{blob}/chunks/{chunk}': async (stage) => {
    const blob = await stage.begunBlob();
    return { path: `/v1/blobs/${blob.blob}/chunks/0`, bytes: blob.chunks[0]!, deniedTo: stage.bob.token };
  },
  'POST /v1/blobs/{blob}/commit': async (stage) => {
    const { blob } = await stage.sentBlob();
    return { path: `/v1/blobs/${blob}/commit`, deniedTo: stage.bob.token };
  },
  'GET /v1/rooms/{room}/blobs/{blob}': async (stage) => {
    const room = await stage.group(stage.bob);
    const { blob } = await stage.storedBlob(room);
    return { path: `/v1/rooms/${room}/blobs/${blob}`, token: stage.bob.token };
  },
  'GET /v1/events': () => ({ path: '/v1/events', endless: true }),
};
