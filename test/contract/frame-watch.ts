import { EventJson } from '../../src/protocol/http/frames.ts';
import { ApiPerson, nextTxnId } from '../../src/testing/api-person.ts';
import { waitUntil } from '../../src/testing/wait-until.ts';
import { checkerOf } from './schemas.ts';
import type { TestSocket } from '../../src/testing/test-socket.ts';
import type { ServerFrameJson } from '../../src/protocol/http/frames.ts';
import type { JsonSchema } from '../../src/api/docs/json-schema.ts';
import type { Check } from './schemas.ts';
import type { Stage } from './stage.ts';

export interface AsyncDocument {
  readonly operations: Readonly<
    Record<string, { readonly action: string; readonly messages: readonly { readonly $ref: string }[] }>
  >;
  readonly components: {
    readonly messages: Readonly<Record<string, { readonly name: string; readonly payload: JsonSchema }>>;
  };
}

export interface Witnessed {
  readonly wrong: readonly string[];
  readonly unseenFrames: readonly string[];
  readonly unseenEvents: readonly string[];
}

/** Live feeds that are open while everything else happens, and what was said in them, held to the description. */
export class FrameWatch {
  readonly #sockets: TestSocket[] = [];
  readonly #checks: ReadonlyMap<string, Check>;

  private constructor(document: AsyncDocument) {
    const said = Object.values(document.operations).filter(({ action }) => action === 'send');
    const keys = new Set(said.flatMap(({ messages }) => messages.map(({ $ref }) => $ref.split('/').at(-1)!)));
    const { messages } = document.components;
    this.#checks = new Map([...keys].map((key) => [messages[key]!.name, checkerOf(messages[key]!.payload, {})]));
  }

  static async open(stage: Stage): Promise<FrameWatch> {
    const answer = await fetch(`${stage.url}/v1/asyncapi.json`);
    const watch = new FrameWatch((await answer.json()) as AsyncDocument);
    const people = [stage.ada, stage.bob, stage.root];
    // Sessions of their own: those of the cases come and go.
    for (const [i, { name, user, device }] of people.entries()) {
      const feed = new ApiPerson(stage.urls[i]!, name, { user, device });
      await feed.login();
      watch.add(await feed.live());
    }
    return watch;
  }

  add(socket: TestSocket): void {
    this.#sockets.push(socket);
  }

  /** Brings about what no case of a route does, and tells what was wrong or never said. */
  async finish(stage: Stage): Promise<Witnessed> {
    stage.moveTo(stage.urls[0]!);
    await renameOpenRoom(stage);
    await handLockOver(stage);
    await loseLock(stage);
    await waitUntil(() => this.#unseenEvents().length === 0, WAIT_MS_MAX, 'every kind of event').catch(() => {});
    // The node of root's feed goes in good order.
    await stage.cluster.supervisor.stopNode(stage.cluster.layout.nodes[2]!.name);
    const frames = this.#frames();
    const wrong = frames.flatMap((frame) => {
      const check = this.#checks.get(frame.type);
      if (check === undefined) return [`there is no frame ${frame.type}`];
      return check(frame).map((what) => `${JSON.stringify(frame)}: ${what}`);
    });
    const seen = new Set<string>(frames.map(({ type }) => type));
    const unseenFrames = [...this.#checks.keys()].filter((type) => !seen.has(type));
    return { wrong, unseenFrames, unseenEvents: this.#unseenEvents() };
  }

  #frames(): ServerFrameJson[] {
    return this.#sockets.flatMap(({ frames }) => frames);
  }

  #unseenEvents(): string[] {
    const seen = new Set<string>(this.#frames().flatMap((frame) => (frame.type === 'event' ? [frame.event.kind] : [])));
    return EventJson.anyOf.map(({ properties }) => properties.kind.const).filter((kind) => !seen.has(kind));
  }
}

const WAIT_MS_MAX = 15_000;
const LEASE_MS = 60_000;

async function renameOpenRoom(stage: Stage): Promise<void> {
  const room = await stage.ada.createOpenRoom('Garden');
  const txnId = nextTxnId();
  const sealedMeta = stage.ada.sealOpenRoomName(room, 'Kitchen garden', txnId);
  await stage.needs(stage.ada, 'PATCH', `/v1/rooms/${room}`, { sealedMeta, txnId });
}

/** From bob to ada, who waits for it. */
async function handLockOver(stage: Stage): Promise<void> {
  const lease = { ttlMs: LEASE_MS };
  await stage.needs(stage.bob, 'PUT', '/v1/locks/press', { ...lease, txnId: nextTxnId() });
  await stage.needs(stage.ada, 'PUT', '/v1/locks/press', { ...lease, waitMs: LEASE_MS, txnId: nextTxnId() });
  await stage.needs(stage.bob, 'DELETE', `/v1/locks/press?txnId=${nextTxnId()}`);
}

/** Of a session of ada's that ends. */
async function loseLock(stage: Stage): Promise<void> {
  const { name, user, device } = stage.ada;
  const brief = new ApiPerson(stage.url, name, { user, device });
  await brief.login();
  await stage.needs(brief, 'PUT', '/v1/locks/loom', { ttlMs: LEASE_MS, txnId: nextTxnId() });
  await stage.needs(brief, 'DELETE', `/v1/sessions/current?txnId=${nextTxnId()}`);
}
