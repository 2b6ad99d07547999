import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveForTest } from './test-server.ts';
import { toBase64Url } from '../protocol/base64url.ts';
import { BLOB_CHUNK_BYTES, blobIdOf } from '../protocol/blobs.ts';
import { BlobChunkReply, BlobProgressReply, BlobStoredReply, BlobUseReply } from '../protocol/http/blobs.ts';
import { LIMITS } from '../protocol/limits.ts';
import { ApiPerson, call, nextTxnId } from '../testing/api-person.ts';
import { makeTestBlob } from '../testing/blobs/test-blob.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { OpenApi } from '../testing/open-api.ts';
import { waitUntil } from '../testing/wait-until.ts';
import type { TSchema } from '@sinclair/typebox';
import type { Answer } from '../testing/api-person.ts';
import type { TestBlob } from '../testing/blobs/test-blob.ts';
import type { TestServer } from './test-server.ts';
import type { ProblemJson, RoomDetailJson } from '../protocol/http/schemas.ts';

const SIZE = 2 * BLOB_CHUNK_BYTES + 777;
const QUOTA = 4 * SIZE;
const PLENTY = { perSecond: 1e6, burst: 1e6 };

describe('files over HTTP', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-api-blobs-'));
  const node = new LocalChatNode({ dataDir });
  let server: TestServer;
  let document: OpenApi;
  let ada: ApiPerson;
  let bob: ApiPerson;
  let eve: ApiPerson;
  let roster: RoomDetailJson;

  beforeAll(async () => {
    const limits = { requestDeadlineMs: 300, blobBytesMax: 3 * SIZE, blobBytesPerAccountMax: QUOTA };
    server = await serveForTest(node, { limits: { ...limits, perAddress: PLENTY, perAddressLogin: PLENTY } });
    document = await OpenApi.of(server.url);
    [ada, bob, eve] = [
      await ApiPerson.join(server.url, 'ada'),
      await ApiPerson.join(server.url, 'bob'),
      await ApiPerson.join(server.url, 'eve'),
    ];
    roster = await ada.room(await ada.directRoom(bob));
  });
  afterAll(async () => {
    await server.close(1_000);
    await node.blobs.stop();
    rmSync(dataDir, { recursive: true });
  });

  const path = ({ blob }: TestBlob, rest = ''): string => `/v1/blobs/${blob}${rest}`;
  const begin = <T = ProblemJson>(who: ApiPerson, test: TestBlob, changes: object = {}): Promise<Answer<T>> =>
    who.call<T>('PUT', path(test), {
      sizeBytes: test.bytes.length,
      hashes: toBase64Url(test.hashes),
      txnId: nextTxnId(),
      ...changes,
    });
  async function put(
    who: ApiPerson,
    test: TestBlob,
    chunk: number | string,
    bytes: Uint8Array,
    type = 'application/octet-stream',
  ): Promise<Answer<ProblemJson>> {
    const headers = { authorization: `Bearer ${who.token}`, 'content-type': type };
    const url = `${server.url}${path(test, `/chunks/${chunk}`)}`;
    const response = await fetch(url, { method: 'PUT', headers, body: Uint8Array.from(bytes) });
    const { status, headers: said } = response;
    return { status, headers: said, body: (await response.json()) as ProblemJson };
  }
  const commit = (who: ApiPerson, test: TestBlob): Promise<Answer<ProblemJson>> =>
    who.call('POST', path(test, '/commit'));
  async function upload(who: ApiPerson, test: TestBlob): Promise<void> {
    await begin(who, test);
    for (const [i, chunk] of test.chunks.entries()) expect((await put(who, test, i, chunk)).status).toBe(200);
    expect((await commit(who, test)).status).toBe(200);
  }
  async function refer<T = ProblemJson>(who: ApiPerson, where: RoomDetailJson, test: TestBlob): Promise<Answer<T>> {
    const txnId = nextTxnId();
    const envelope = who.seal(where, txnId, 'a file', undefined, { blobs: [test.blob] });
    return who.call<T>('PUT', `/v1/rooms/${where.room}/messages/${txnId}`, { envelope });
  }
  const download = (who: ApiPerson, room: string, test: TestBlob, range?: string): Promise<Response> =>
    fetch(`${server.url}/v1/rooms/${room}/blobs/${test.blob}`, {
      headers: { authorization: `Bearer ${who.token}`, ...(range === undefined ? {} : { range }) },
    });
  /** What the description of the route says of such a refusal, too. */
  function refusal(method: string, where: string, { status, body }: Answer<ProblemJson>): string {
    expect(document.codes(method, where, status)).toContain(body.code);
    return body.code;
  }
  const conforms = (schema: TSchema, value: unknown): void => expect([...Value.Errors(schema, value)]).toEqual([]);

  it('takes one in chunks, says what is missing, stores it, and gives it to the members of the room', async () => {
    const test = makeTestBlob(SIZE);
    const begun = await begin<{ missing: number[][]; stored: boolean }>(ada, test);
    conforms(BlobProgressReply, begun.body);
    expect(begun.body).toMatchObject({ missing: [[0, 2]], stored: false, chunks: 3 });
    const taken = await put(ada, test, 1, test.chunks[1]!);
    conforms(BlobChunkReply, taken.body);
    expect((await begin<{ missing: number[][] }>(ada, test)).body.missing).toEqual([
      [0, 0],
      [2, 2],
    ]);
    const early = await commit(ada, test);
    expect(refusal('POST', path(test, '/commit'), early)).toBe('blob_incomplete');
    expect(early.body.data).toEqual({
      missing: [
        [0, 0],
        [2, 2],
      ],
    });
    expect((await refer(ada, roster, test)).body.code).toBe('blob_missing');
    for (const i of [0, 2, 2]) expect((await put(ada, test, i, test.chunks[i]!)).status).toBe(200);
    const stored = await commit(ada, test);
    conforms(BlobStoredReply, stored.body);
    expect((await commit(ada, test)).status).toBe(200);
    expect((await begin(ada, test)).body).toMatchObject({ missing: [], stored: true });
    expect((await download(bob, roster.room, test)).status).toBe(404);
    expect((await refer(ada, roster, test)).status).toBe(200);
    for (const who of [ada, bob]) {
      const answer = await download(who, roster.room, test);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/octet-stream']);
      expect(Buffer.from(await answer.arrayBuffer()).equals(test.bytes)).toBe(true);
    }
    expect((await commit(ada, test)).body).toMatchObject({ expiresAt: null });
  });

  it('gives ranges of one', async () => {
    const test = makeTestBlob(SIZE);
    await upload(bob, test);
    await refer(bob, roster, test);
    for (const [range, from, to] of [
      ['bytes=0-0', 0, 1],
      [`bytes=${BLOB_CHUNK_BYTES - 1}-${BLOB_CHUNK_BYTES}`, BLOB_CHUNK_BYTES - 1, BLOB_CHUNK_BYTES + 1],
      ['bytes=1000-', 1_000, SIZE],
      ['bytes=-10', SIZE - 10, SIZE],
      [`bytes=5-${SIZE + 1_000}`, 5, SIZE],
      [`bytes=-${SIZE + 1_000}`, 0, SIZE],
    ] as const) {
      const answer = await download(ada, roster.room, test, range);
      expect([answer.status, answer.headers.get('content-range')]).toEqual([206, `bytes ${from}-${to - 1}/${SIZE}`]);
      expect(Buffer.from(await answer.arrayBuffer()).equals(Buffer.from(test.bytes).subarray(from, to))).toBe(true);
    }
    for (const range of ['bytes=5-4', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=-', 'x']) {
      const answer = await download(ada, roster.room, test, range);
      expect([range, answer.status]).toEqual([range, 200]);
      expect((await answer.arrayBuffer()).byteLength).toBe(SIZE);
    }
    for (const range of [`bytes=${SIZE}-`, 'bytes=-0', 'bytes=99999999999999999999-']) {
      const answer = await download(ada, roster.room, test, range);
      const body = (await answer.json()) as ProblemJson;
      expect([answer.status, body.code]).toEqual([416, 'range_not_satisfiable']);
      expect(answer.headers.get('content-range')).toBe(`bytes */${SIZE}`);
    }
  });

  it('refuses bytes, hashes and chunks that are not what the id stands for', async () => {
    const [test, other] = [makeTestBlob(SIZE), makeTestBlob(SIZE)];
    const where = path(test);
    expect(refusal('PUT', where, await begin(ada, test, { hashes: toBase64Url(other.hashes) }))).toBe('blob_mismatch');
    expect(refusal('PUT', where, await begin(ada, test, { sizeBytes: SIZE - 1 }))).toBe('blob_mismatch');
    expect(refusal('PUT', where, await begin(ada, test, { hashes: toBase64Url(test.hashes.subarray(1)) }))).toBe(
      'blob_mismatch',
    );
    expect(refusal('PUT', where, await begin(ada, test, { sizeBytes: 0 }))).toBe('invalid_field');
    await begin(ada, test);
    const chunk = path(test, '/chunks/0');
    expect(refusal('PUT', chunk, await put(ada, test, 0, test.chunks[1]!))).toBe('blob_mismatch');
    expect(refusal('PUT', chunk, await put(ada, test, 0, new Uint8Array(0)))).toBe('blob_mismatch');
    expect(refusal('PUT', chunk, await put(ada, test, 3, test.chunks[1]!))).toBe('invalid_field');
    expect(refusal('PUT', chunk, await put(ada, test, 'x', test.chunks[1]!))).toBe('invalid_field');
    expect(refusal('PUT', chunk, await put(ada, test, -1, test.chunks[1]!))).toBe('invalid_field');
    expect(refusal('PUT', chunk, await put(ada, test, 0, new Uint8Array(BLOB_CHUNK_BYTES + 1)))).toBe(
      'payload_too_large',
    );
    expect(refusal('PUT', chunk, await put(ada, test, 0, Buffer.from('{}'), 'application/json'))).toBe(
      'unsupported_media_type',
    );
    expect(refusal('PUT', chunk, await put(ada, test, 0, test.chunks[0]!, 'text/plain'))).toBe(
      'unsupported_media_type',
    );
    expect((await begin<{ missing: number[][] }>(ada, test)).body.missing).toEqual([[0, 2]]);
  });

  it('takes bytes nowhere else', async () => {
    const headers = { authorization: `Bearer ${ada.token}`, 'content-type': 'application/octet-stream' };
    const answer = await fetch(`${server.url}/v1/rooms`, { method: 'POST', headers, body: 'x' });
    expect([answer.status, ((await answer.json()) as ProblemJson).code]).toEqual([415, 'unsupported_media_type']);
  });

  it('shows nobody what is not theirs', async () => {
    const test = makeTestBlob(SIZE);
    await begin(ada, test);
    expect(refusal('PUT', path(test), await begin(eve, test))).toBe('blob_taken');
    expect(refusal('PUT', path(test, '/chunks/0'), await put(eve, test, 0, test.chunks[0]!))).toBe('no_such_blob');
    expect(refusal('POST', path(test, '/commit'), await commit(eve, test))).toBe('no_such_blob');
    for (const [i, chunk] of test.chunks.entries()) await put(ada, test, i, chunk);
    await commit(ada, test);
    await refer(ada, roster, test);
    const own = await eve.room(await eve.createRoom('group', []));
    expect((await refer(eve, own, test)).body).toMatchObject({ code: 'blob_missing', data: { blobs: [test.blob] } });
    for (const room of [roster.room, own.room, `R${'a'.repeat(26)}`]) {
      expect([room, (await download(eve, room, test)).status]).toEqual([room, 404]);
    }
    expect((await download(bob, own.room, test)).status).toBe(404);
    for (const [method, where] of [
      ['GET', '/v1/blobs'],
      ['PUT', path(test)],
      ['PUT', path(test, '/chunks/0')],
      ['POST', path(test, '/commit')],
      ['GET', `/v1/rooms/${roster.room}/blobs/${test.blob}`],
    ] as const) {
      const answer = await call<ProblemJson>(server.url, method, where);
      expect([where, refusal(method, where, answer)]).toEqual([where, 'unauthenticated']);
    }
    const unknown = blobIdOf(1, new Uint8Array(32));
    expect((await download(bob, roster.room, { ...test, blob: unknown })).status).toBe(404);
    expect((await bob.call('POST', `/v1/blobs/${unknown}/commit`)).status).toBe(404);
    for (const odd of ['x', unknown.slice(1), unknown.toUpperCase(), '../../etc/passwd', '..%2F..%2Fetc%2Fpasswd']) {
      expect((await bob.call('POST', `/v1/blobs/${odd}/commit`)).status).toBeGreaterThanOrEqual(400);
      expect((await bob.call('POST', `/v1/blobs/${odd}/commit`)).status).toBeLessThan(500);
    }
  });

  it('keeps to the sizes that it grants, and says what is left', async () => {
    const dora = await ApiPerson.join(server.url, 'dora');
    const huge = makeTestBlob(3 * SIZE + 1);
    expect(refusal('PUT', path(huge), await begin(dora, huge))).toBe('file_too_large');
    await begin(dora, makeTestBlob(3 * SIZE));
    const { body } = await dora.call<{ usedBytes: number; quotaBytes: number }>('GET', '/v1/blobs');
    conforms(BlobUseReply, body);
    expect(body).toMatchObject({ usedBytes: 3 * SIZE, quotaBytes: QUOTA, fileBytesMax: 3 * SIZE });
    const more = makeTestBlob(SIZE + 1);
    const full = await begin(dora, more);
    expect(refusal('PUT', path(more), full)).toBe('quota_exceeded');
    expect(full.body.data).toMatchObject({ what: 'fileBytes', used: 3 * SIZE, limit: QUOTA });
    expect((await begin(dora, makeTestBlob(SIZE))).status).toBe(200);
  });

  it('acknowledges none that a majority has not', async () => {
    const test = makeTestBlob(10);
    await begin(eve, test);
    await put(eve, test, 0, test.chunks[0]!);
    node.hasMajority = false;
    const waiting = await commit(eve, test);
    expect(refusal('POST', path(test, '/commit'), waiting)).toBe('deadline_exceeded');
    expect(waiting.body.retryable).toBe(true);
    node.hasMajority = true;
    expect((await commit(eve, test)).status).toBe(200);
  });

  it('removes what no message refers to, in its time', async () => {
    const test = makeTestBlob(10);
    await upload(eve, test);
    const onDisk = (): boolean =>
      readdirSync(dataDir, { recursive: true }).some((name) => String(name).includes(test.blob));
    expect(onDisk()).toBe(true);
    node.advance(LIMITS.blobUnreferencedTtlMs);
    await eve.login();
    expect(await node.sweep()).toBeGreaterThan(0);
    await waitUntil(() => !onDisk());
    expect((await commit(eve, test)).body.code).toBe('no_such_blob');
    expect((await refer(eve, await eve.room(await eve.createRoom('group', [])), test)).body.code).toBe('blob_missing');
  });

  it('limits how many chunks come, and how many files are asked for', async () => {
    const narrow = { perAccountTransfer: { perSecond: 0.001, burst: 4 } };
    const own = await serveForTest(node, { limits: narrow });
    const [here, there] = [server.url, own.url];
    const carl = await ApiPerson.join(here, 'carl');
    const test = makeTestBlob(SIZE);
    await upload(carl, test);
    const mine = await carl.room(await carl.createRoom('group', []));
    await refer(carl, mine, test);
    carl.url = there;
    const headers = { authorization: `Bearer ${carl.token}` };
    const get = async (): Promise<Response> => {
      const answer = await fetch(`${there}/v1/rooms/${mine.room}/blobs/${test.blob}`, { headers });
      return new Response(await answer.arrayBuffer(), answer);
    };
    for (let i = 0; i < 4; i++) expect((await get()).status).toBe(200);
    const fifth = await get();
    expect([fifth.status, ((await fifth.json()) as ProblemJson).code]).toEqual([429, 'rate_limited']);
    await own.close(1_000);
  });

  it('describes each of these routes', () => {
    for (const [method, where] of [
      ['GET', '/v1/blobs'],
      ['PUT', '/v1/blobs/x'],
      ['PUT', '/v1/blobs/x/chunks/1'],
      ['POST', '/v1/blobs/x/commit'],
      ['GET', '/v1/rooms/x/blobs/y'],
    ] as const) {
      expect(document.operation(method, where)?.security).toEqual([{ session: [] }]);
    }
    const chunk = document.operation('PUT', '/v1/blobs/x/chunks/1');
    expect(Object.keys(chunk?.requestBody?.content ?? {})).toEqual(['application/octet-stream']);
  });
});
