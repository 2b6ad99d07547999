import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { ParleyError } from '../protocol/errors.ts';
import { LivePerson, shownIn } from '../testing/client/live-person.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { problemOf } from '../testing/client/test-network.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { KEY } from './rows.ts';
import type { TestServer } from '../api/test-server.ts';
import type { RoomId } from '../protocol/ids.ts';

const MS_MAX = 10_000;
const MESSAGE = /^\/v1\/rooms\/R[^/]*\/messages\/[^?]*$/;

describe('an app that is open', () => {
  let servers: TestServer[];
  let ann: TestClient;
  let bob: TestClient;
  let app: LivePerson;
  let room: RoomId;

  beforeEach(async () => {
    const node = new LocalChatNode();
    servers = [await serveForTest(node), await serveForTest(node)];
    const endpoints = servers.map(({ url }) => url);
    ann = await TestClient.registered('ann', { endpoints });
    bob = await TestClient.registered('bob', { endpoints });
    await bob.say('@ann', 'before');
    ({ room } = await ann.client.rooms.resolve('@bob', MS_MAX));
    app = await LivePerson.open(ann);
  });
  afterEach(async () => {
    await app.close();
    await Promise.all(servers.map((server) => server.close(0)));
  });

  describe('shows what one has written, once and without a break,', () => {
    /** Everything that was shown since, after each change. */
    const watched = async (): Promise<() => string[][]> => {
      const view = await app.look(room);
      const shown: string[][] = [];
      app.changed = () => shown.push([...shownIn(app.live, view)]);
      return () => shown;
    };
    /** Every different thing that was shown, from when the message was there first. */
    const shownSince = (shown: readonly string[][]): string[] => {
      const first = shown.findIndex((texts) => texts.includes('hello'));
      return [...new Set(shown.slice(first).map((texts) => texts.join()))];
    };

    it('when its line comes late', async () => {
      const shown = await watched();
      const line = ann.network.sockets.at(-1)!;
      line.hold();
      await app.write('@bob', 'hello');
      await waitUntil(() => ann.network.count('PUT', MESSAGE) === 1, MS_MAX, 'the message to be sent');
      // It has left the outbox.
      await waitUntil(async () => ann.store.keys('outbox/').length === 0, MS_MAX, 'the outbox to be empty');
      await app.live.refreshRooms();
      line.release();
      await waitUntil(() => app.arrived.length === 1, MS_MAX, 'the line to come');
      await waitUntil(() => app.live.pending.length === 0, MS_MAX, 'nothing to be pending');
      expect(shownSince(shown())).toEqual(['before,hello']);
    });

    it('when its line comes before the acknowledgement', async () => {
      const shown = await watched();
      let release!: () => void;
      const echoed = new Promise<void>((resolve) => (release = resolve));
      ann.network.interpose((request) =>
        MESSAGE.test(request.path) ? request.deliver().then(async (answer) => (await echoed, answer)) : undefined,
      );
      await app.write('@bob', 'hello');
      await waitUntil(() => app.arrived.length === 1, MS_MAX, 'the line to come');
      release();
      await waitUntil(() => ann.store.keys('outbox/').length === 0, MS_MAX, 'the outbox to be empty');
      await waitUntil(() => app.live.pending.length === 0, MS_MAX, 'nothing to be pending');
      expect(shownSince(shown())).toEqual(['before,hello']);
    });
  });

  it('counts what others write, and shows it in the open conversation', async () => {
    const view = await app.look(room);
    await bob.say('@ann', 'one');
    await bob.say('@ann', 'two');
    await waitUntil(() => app.arrived.length === 2, MS_MAX, 'two lines');
    expect(shownIn(app.live, view)).toEqual(['before', 'one', 'two']);
    expect(app.live.rooms.get(room)).toMatchObject({ unread: 3, lastSeq: 3, last: { text: 'two' } });
    await app.live.markRead(room, 3);
    expect(app.live.rooms.get(room)).toMatchObject({ unread: 0 });
  });

  it('gives back what can never be sent, and shows it no longer', async () => {
    const view = await app.look(room);
    ann.network.answer('PUT', MESSAGE, () => problemOf('muted', 403));
    await app.write('@bob', 'hello');
    await waitUntil(() => app.refused.length === 1, MS_MAX, 'the refusal');
    expect(app.refused[0]).toMatchObject({ message: { content: { text: 'hello' } }, reason: { code: 'muted' } });
    await waitUntil(() => app.live.pending.length === 0, MS_MAX, 'nothing to be pending');
    expect(shownIn(app.live, view)).toEqual(['before']);
  });

  it('goes on where another program has the store just when something is to be kept', async () => {
    const view = await app.look(room);
    const transaction = ann.store.transaction.bind(ann.store);
    let refusals = 0;
    ann.store.transaction = (work) =>
      transaction((tx) =>
        work({
          ...tx,
          put: (key, value) => {
            if (refusals > 0 || !key.startsWith(KEY.linesPrefix(room))) return tx.put(key, value);
            refusals += 1;
            throw new ParleyError('data_in_use');
          },
        }),
      );
    await bob.say('@ann', 'one');
    await bob.say('@ann', 'two');
    await waitUntil(() => app.arrived.length === 2, MS_MAX, 'two lines');
    expect([refusals, shownIn(app.live, view)]).toEqual([1, ['before', 'one', 'two']]);
  });

  it('goes on with another node, and misses nothing', async () => {
    const view = await app.look(room);
    await servers[0]!.close(0);
    await bob.say('@ann', 'meanwhile');
    await waitUntil(() => shownIn(app.live, view).includes('meanwhile'), MS_MAX, 'what was missed');
    expect(shownIn(app.live, view)).toEqual(['before', 'meanwhile']);
  });

  it('leaves whoever reads in the past there when it goes on with another node', async () => {
    for (let i = 2; i <= 110; i++) await bob.client.send('@ann', `text ${i}`, { timeoutMs: MS_MAX, later: true });
    await bob.client.flush(MS_MAX);
    await waitUntil(() => app.live.rooms.get(room)?.lastSeq === 110, MS_MAX, 'all of it');
    const view = await app.look(room);
    expect(await view.jumpTo(2)).toBe(true);
    await servers[0]!.close(0);
    await bob.say('@ann', 'meanwhile');
    await waitUntil(() => app.live.state === 'live' && app.live.rooms.get(room)?.lastSeq === 111, MS_MAX, 'the news');
    await waitUntil(() => view.loading === null, MS_MAX, 'nothing to be fetched');
    expect([view.isAtNewest, view.timeline.first]).toEqual([false, 1]);
  });

  it('shows the rooms and lines it knows where no node answers', async () => {
    await app.look(room);
    await app.close();
    ann.network.cut();
    ann.network.socketsFail = true;
    const live = await ann.client.live('online', {
      ...{ changed: () => {}, arrived: () => {}, typing: () => {}, presence: () => {} },
      ...{ happened: () => {}, refused: () => {} },
    });
    expect([...live.rooms.keys()]).toEqual([room]);
    const view = live.openRoom(room);
    const opening = view.open();
    await waitUntil(() => view.timeline.last === 1, MS_MAX, 'what is kept');
    expect(shownIn(live, view)).toEqual(['before']);
    live.closeRoom(view);
    live.stop();
    void opening;
  });
});
