import { mkdtempSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { FILE_CHUNK_BYTES } from '../crypto/file-cipher.ts';
import { LIMITS } from '../protocol/limits.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { MemorySink } from '../testing/client/memory-sink.ts';
import { MemorySpool } from '../testing/client/memory-spool.ts';
import { MemoryStore } from '../testing/client/memory-store.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { problemOf } from '../testing/client/test-network.ts';
import type { TestServer } from '../api/test-server.ts';
import type { FileOptions, FileSource } from './files.ts';
import type { MessageLine } from './reader.ts';

const SIZE = 3 * FILE_CHUNK_BYTES + 5;
const PLENTY = { perSecond: 1e6, burst: 1e6 };
/** Ends the attempt without waiting for its time; what was to be sent stays. */
const notNow = (): Response => problemOf('unauthenticated', 401, { retryable: false });
const code = (wanted: string) => expect.objectContaining({ code: wanted });

describe('files of a client', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-client-files-'));
  const node = new LocalChatNode({ dataDir });
  let server: TestServer;
  let people = 0;
  let ann: TestClient;
  let bob: TestClient;
  let spool: MemorySpool;
  let names: { ann: string; bob: string };

  beforeAll(async () => {
    const limits = { perAddress: PLENTY, perAddressLogin: PLENTY, perAccount: PLENTY, blobBytesMax: 10 * SIZE };
    server = await serveForTest(node, { limits: { ...limits, requestDeadlineMs: 500 } });
  });
  beforeEach(async () => {
    people += 1;
    names = { ann: `ann${people}`, bob: `bob${people}` };
    spool = new MemorySpool();
    ann = await TestClient.registered(names.ann, { endpoints: [server.url], spool });
    bob = await TestClient.registered(names.bob, { endpoints: [server.url] });
  });
  afterAll(async () => {
    await server.close(1_000);
    await node.blobs.stop();
    rmSync(dataDir, { recursive: true });
  });

  /** In pieces of odd sizes, as files and pipes give them. */
  async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7 + 3) % 90_001) {
      yield bytes.subarray(at, at + size);
    }
  }
  const source = (bytes: Uint8Array, name = 'a.bin'): FileSource => ({
    name,
    mediaType: 'application/octet-stream',
    bytes: inPieces(bytes),
  });
  const send = (bytes: Uint8Array, more: Partial<FileOptions> = {}) =>
    ann.client.files.send(`@${names.bob}`, source(bytes), { timeoutMs: 10_000, ...more });
  const fileLines = async (): Promise<MessageLine[]> =>
    (await bob.lines(`@${names.ann}`)).filter(({ file }) => file !== undefined);
  async function get(line: MessageLine, sink = new MemorySink(), who = bob): Promise<Buffer> {
    await who.client.files.get(await who.client.files.find(line.id), sink, { timeoutMs: 5_000 });
    expect(sink.state).toBe('finished');
    return sink.bytes;
  }

  it.each([0, 1, FILE_CHUNK_BYTES - 1, FILE_CHUNK_BYTES, FILE_CHUNK_BYTES + 1, SIZE])(
    'come as they were sent: %i bytes',
    async (size) => {
      const bytes = randomBytes(size);
      const preview = { bytes: new Uint8Array(9).fill(1), mediaType: 'image/png' };
      const { result } = await send(bytes, { text: 'look', preview });
      expect(result).toMatchObject({ state: 'sent', seq: 1 });
      const [line] = await fileLines();
      expect(line).toMatchObject({ text: 'look', file: { name: 'a.bin', sizeBytes: size } });
      expect((await get(line!)).equals(bytes)).toBe(true);
      expect(spool.files.size).toBe(0);
    },
  );

  it('are never seen by a node, nor their names', async () => {
    const bytes = Buffer.alloc(SIZE, 'canary-in-the-file ');
    await ann.client.files.send(`@${names.bob}`, source(bytes, 'canary-name.txt'), { timeoutMs: 10_000 });
    const rows = node.reader.dump().join('\n');
    expect(rows).not.toContain(Buffer.from('canary').toString('hex'));
    for (const { path, body } of ann.network.made) expect(JSON.stringify([path, body])).not.toContain('canary');
  });

  it('go out once, from what was in the spool, by whichever program comes next', async () => {
    const bytes = randomBytes(SIZE);
    const restore = ann.network.answer('PUT', /\/chunks\/2$/, notNow);
    const { result } = await send(bytes);
    expect(result).toMatchObject({ state: 'queued', seq: null });
    restore();
    const store = ann.store.kill();
    const again = await TestClient.open({ endpoints: [server.url], store, spool });
    const flushed = await again.client.flush(10_000);
    expect([...flushed.sent.values()]).toMatchObject([{ id: result.id, seq: 1 }]);
    expect([...(await again.client.flush(10_000)).sent]).toEqual([]);
    expect(again.network.count('PUT', /chunks\/[01]$/)).toBe(0);
    const lines = await fileLines();
    expect(lines).toHaveLength(1);
    expect((await get(lines[0]!)).equals(bytes)).toBe(true);
  });

  it('are one message, whichever answer is lost', async () => {
    for (const [method, path] of [
      ['PUT', /\/v1\/blobs\/B[a-z2-7]+$/],
      ['PUT', /\/chunks\/1$/],
      ['POST', /\/commit$/],
      ['PUT', /\/messages\//],
    ] as const) {
      ann.network.loseAnswer(method, path);
    }
    const bytes = randomBytes(SIZE);
    expect((await send(bytes)).result).toMatchObject({ state: 'sent', seq: 1 });
    const lines = await fileLines();
    expect(lines).toHaveLength(1);
    expect((await get(lines[0]!)).equals(bytes)).toBe(true);
  });

  it('do not hold up texts for others, and keep their place among those for the same', async () => {
    const carl = `carl${people}`;
    await TestClient.registered(carl, { endpoints: [server.url] });
    const restore = ann.network.answer('PUT', /\/chunks\//, notNow);
    expect((await send(randomBytes(10))).result.state).toBe('queued');
    const text = (to: string) => ann.client.send(`@${to}`, 'now', { timeoutMs: 10_000 });
    expect((await text(names.bob)).result.state).toBe('queued');
    expect((await text(carl)).result).toMatchObject({ state: 'sent', seq: 1 });
    restore();
    expect((await ann.client.flush(10_000)).sent.size).toBe(2);
    expect((await bob.lines(`@${names.ann}`)).map(({ seq, file }) => [seq, file === undefined])).toEqual([
      [1, false],
      [2, true],
    ]);
  });

  it('are uploaded again when the nodes have forgotten them', async () => {
    const bytes = randomBytes(SIZE);
    const restore = ann.network.answer('PUT', /\/messages\//, notNow);
    expect((await send(bytes)).result.state).toBe('queued');
    restore();
    node.advance(LIMITS.blobUnreferencedTtlMs + 1);
    expect(await node.sweep()).toBeGreaterThan(0);
    expect((await ann.client.flush(10_000)).sent.size).toBe(1);
    const [line] = await fileLines();
    expect((await get(line!)).equals(bytes)).toBe(true);
  });

  it('are refused for good where they are too large, and nothing is left of them', async () => {
    await expect(send(randomBytes(11 * SIZE))).rejects.toEqual(code('file_too_large'));
    expect(spool.files.size).toBe(0);
    expect((await send(randomBytes(5))).result.state).toBe('sent');
    const odd = { ...source(randomBytes(5)), name: '' };
    await expect(ann.client.files.send(`@${names.bob}`, odd, { timeoutMs: 1_000 })).rejects.toEqual(
      code('invalid_field'),
    );
  });

  it('leave nothing in the spool when a program ended too early', async () => {
    spool.files.set('forgotten', new Uint8Array(5));
    spool.ageMs = 25 * 3_600_000;
    await send(randomBytes(5), { onUploaded: () => {} });
    expect([...spool.files.keys()]).toEqual([]);
  });

  describe('that are read', () => {
    let bytes: Buffer;
    let line: MessageLine;
    beforeEach(async () => {
      bytes = randomBytes(SIZE);
      await send(bytes);
      [line] = (await fileLines()) as [MessageLine];
    });

    it('go on from where an earlier attempt ended', async () => {
      for (const left of [1, FILE_CHUNK_BYTES, 2 * FILE_CHUNK_BYTES + 7, SIZE, SIZE + 100]) {
        expect((await get(line, new MemorySink(Buffer.concat([bytes, bytes]).subarray(0, left)))).equals(bytes)).toBe(
          true,
        );
      }
    });

    it('are begun anew when what was left is damaged', async () => {
      const sink = new MemorySink(Buffer.alloc(2 * FILE_CHUNK_BYTES));
      const file = await bob.client.files.find(line.id);
      await expect(bob.client.files.get(file, sink, { timeoutMs: 1_000 })).rejects.toEqual(code('file_unreadable'));
      expect(sink.state).toBe('discarded');
    });

    it('go on when the node stops in the middle', async () => {
      let cuts = 0;
      bob.network.interpose((request) => {
        if (!request.path.includes('/blobs/') || cuts >= 2) return undefined;
        cuts += 1;
        return request.deliver().then(async (answer) => {
          const all = new Uint8Array(await answer.arrayBuffer());
          return new Response(all.subarray(0, FILE_CHUNK_BYTES + 100), { status: answer.status });
        });
      });
      expect((await get(line)).equals(bytes)).toBe(true);
      expect(cuts).toBe(2);
    });

    it('are not believed when they were changed, and leave nothing', async () => {
      bob.network.interpose((request) =>
        request.path.includes('/blobs/')
          ? request.deliver().then(async (answer) => {
              const all = new Uint8Array(await answer.arrayBuffer());
              all[all.length - 1]! ^= 1;
              return new Response(all, { status: answer.status });
            })
          : undefined,
      );
      const sink = new MemorySink();
      const file = await bob.client.files.find(line.id);
      await expect(bob.client.files.get(file, sink, { timeoutMs: 5_000 })).rejects.toEqual(code('file_unreadable'));
      expect(sink.state).toBe('discarded');
    });

    it('say why they cannot be had', async () => {
      const file = await bob.client.files.find(line.id);
      const options = { timeoutMs: 1_000 };
      bob.network.answer('GET', /\/blobs\//, () => problemOf('no_such_blob', 404, { retryable: false }));
      await expect(bob.client.files.get(file, new MemorySink(), options)).rejects.toEqual(code('no_such_blob'));
      await expect(bob.client.files.find('nothing')).rejects.toEqual(code('no_such_blob'));
      const fresh = await TestClient.open({ endpoints: [server.url], store: new MemoryStore() });
      await expect(fresh.client.files.find(line.id)).rejects.toEqual(code('no_such_blob'));
    });

    it('are gone with their message', async () => {
      await ann.client.messages.delete(`@${names.bob}`, line.seq, 5_000);
      const file = await bob.client.files.find(line.id);
      const reading = bob.client.files.get(file, new MemorySink(), { timeoutMs: 1_000 });
      await expect(reading).rejects.toEqual(code('no_such_blob'));
    });
  });
});
