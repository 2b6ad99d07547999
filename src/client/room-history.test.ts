import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { LivePerson } from '../testing/client/live-person.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { Archive } from './archive.ts';
import type { TestServer } from '../api/test-server.ts';
import type { MessageJsonT } from '../protocol/http/schemas.ts';
import type { RoomId } from '../protocol/ids.ts';

const MS_MAX = 10_000;
const PAGE = /\/messages\?/;

describe('the history of a room, as an app reads it', () => {
  let server: TestServer;
  let ann: TestClient;
  let bob: TestClient;
  let app: LivePerson;
  let room: RoomId;

  beforeEach(async () => {
    server = await serveForTest(new LocalChatNode());
    ann = await TestClient.registered('ann', { endpoints: [server.url] });
    bob = await TestClient.registered('bob', { endpoints: [server.url] });
    for (const text of ['one', 'two', 'three']) await ann.say('@bob', text);
    ({ room } = await bob.client.rooms.resolve('@ann', MS_MAX));
    app = await LivePerson.open(bob);
  });
  afterEach(async () => {
    await app.close();
    await server.close(0);
  });

  const kept = async (): Promise<(string | null)[]> =>
    (await new Archive(bob.store).before(room, 4, 3)).map(({ text, gone }) => text ?? gone ?? null);

  it('is kept as it is read, and what was opened before is not opened again', async () => {
    const view = await app.look(room);
    expect(await kept()).toEqual(['one', 'two', 'three']);
    // What a node shows now cannot be opened; what was opened before stands.
    bob.network.lie<{ messages: MessageJsonT[] }>('GET', PAGE, (page) => ({
      ...page,
      messages: page.messages.map((message) => ({ ...message, envelope: 'AAAA' })),
    }));
    await view.toNewest();
    expect(view.timeline.order.map((seq) => view.timeline.line(seq)!.text)).toEqual(['one', 'two', 'three']);
  });

  it('leaves nothing of what went while the app was closed', async () => {
    await app.look(room);
    await app.close();
    await ann.client.messages.delete('@bob', 2, MS_MAX);
    app = await LivePerson.open(bob);
    const view = await app.look(room);
    expect(view.timeline.line(2)).toMatchObject({ text: null, gone: 'deleted', from: 'ann' });
    expect(await kept()).toEqual(['one', 'deleted', 'three']);
  });
});
