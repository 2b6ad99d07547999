import { rmSync } from 'node:fs';
import { pino } from 'pino';
import { buildApi } from '../../../src/api/server.ts';
import { ApiPerson, call, nextTxnId } from '../../../src/testing/api-person.ts';
import { makeTestBlob } from '../../../src/testing/blobs/test-blob.ts';
import { LocalChatNode } from '../../../src/testing/local-chat-node.ts';
import type { Api } from '../../../src/api/server.ts';
import type { ApiDescription } from '../../../src/api/docs/operations.ts';
import type { Known } from './values.ts';

const ADMIN_TOKEN = 'admin';
const PLENTY = { perSecond: 1e9, burst: 1e9 };
/** Nobody has to wait for what will not come. */
const DEADLINE_MS = 40;

/** The real API over the real state machine, on a node without log and disk, and what exists in it. */
export class FuzzWorld {
  readonly url: string;
  readonly known: Known;
  readonly tokens: readonly string[];
  readonly description: ApiDescription;
  readonly #api: Api;
  readonly #node: LocalChatNode;
  readonly #folder: string;
  readonly #people: readonly ApiPerson[];

  private constructor(parts: {
    url: string;
    api: Api;
    node: LocalChatNode;
    folder: string;
    people: readonly ApiPerson[];
    known: Known;
    description: ApiDescription;
  }) {
    this.url = parts.url;
    this.#api = parts.api;
    this.#node = parts.node;
    this.#folder = parts.folder;
    this.#people = parts.people;
    this.known = parts.known;
    this.description = parts.description;
    const sessions = parts.people.map(({ token }) => token);
    this.tokens = [...sessions, ...sessions, ...sessions, ADMIN_TOKEN, '', `p1.S${'a'.repeat(26)}.${'A'.repeat(43)}`];
  }

  /** @param onError told of what the API writes into its log as an error */
  static async open(folder: string, onError: (line: string) => void): Promise<FuzzWorld> {
    const node = new LocalChatNode({ dataDir: folder, adminToken: ADMIN_TOKEN });
    const logger = pino({ level: 'error' }, { write: onError });
    const limits = {
      requestDeadlineMs: DEADLINE_MS,
      perAccount: PLENTY,
      perAddress: PLENTY,
      perAddressLogin: PLENTY,
      perAccountTransfer: PLENTY,
      perSessionSignals: PLENTY,
    };
    const config = { host: '127.0.0.1', port: 0, advertiseUrl: null, origins: [], trustedProxies: ['127.0.0.1/32'] };
    const api = buildApi({ node, config: { ...config, insecureHttp: false, webFolder: null, limits }, logger });
    const url = await api.listen();
    const people: ApiPerson[] = [];
    for (const name of ['ada', 'bob', 'carl']) people.push(await ApiPerson.join(url, name));
    const known = await furnish(people);
    const { body } = await call<ApiDescription>(url, 'GET', '/v1/openapi.json');
    return new FuzzWorld({ url, api, node, folder, people, known, description: body });
  }

  /** Somebody who comes along finds everything in order. @throws when not */
  async witness(name: string): Promise<void> {
    const json = { policy: 'open', txnId: nextTxnId() };
    await call(this.url, 'PUT', '/v1/admin/registration', { token: ADMIN_TOKEN, json });
    await call(this.url, 'PATCH', '/v1/admin/quotas', {
      token: ADMIN_TOKEN,
      json: { rooms: null, messagesPerDay: null, fileBytes: null, txnId: nextTxnId() },
    });
    const person = await ApiPerson.join(this.url, name);
    const roster = await person.room(await person.createRoom('group', []));
    const { status, body } = await person.send<{ seq?: number }>(roster, 'still served');
    if (status !== 200 || body.seq !== 1) throw new Error(`The witness was told ${status} ${JSON.stringify(body)}.`);
    const live = await person.live();
    live.close();
    await live.ended();
  }

  get owner(): ApiPerson {
    return this.#people[0]!;
  }

  async close(): Promise<void> {
    await this.#api.close(500);
    await this.#node.blobs.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Rooms, messages, locks and devices to be hit. */
async function furnish(people: readonly ApiPerson[]): Promise<Known> {
  const [ada, bob] = people as [ApiPerson, ApiPerson, ApiPerson];
  const group = await ada.createRoom('group', [bob.account]);
  const direct = await ada.directRoom(bob);
  const open = await ada.createOpenRoom('Town Hall');
  const envelopes: string[] = [];
  const txnIds: string[] = [];
  for (const room of [group, direct]) {
    const roster = await ada.room(room);
    const txnId = nextTxnId();
    envelopes.push(ada.seal(roster, txnId, 'hello'));
    txnIds.push(txnId);
    await ada.send(roster, 'first');
  }
  const { blob } = makeTestBlob(1_000);
  const { cursor } = await ada.room(group);
  return {
    name: ['ada', 'bob', 'carl', 'press'],
    account: ['ada', 'bob'],
    accounts: ['ada,bob', 'carl'],
    members: people.map(({ account }) => account),
    device: people.map(({ deviceId }) => deviceId),
    session: [...people.map(({ open: session }) => session!.session), 'current'],
    token: people.map(({ token }) => token),
    room: [group, direct, open],
    txnId: [...txnIds, ...Array.from({ length: 50 }, () => nextTxnId())],
    envelope: envelopes,
    sealedMeta: envelopes,
    blob: [blob],
    cursor: [cursor],
    origin: [ada.url],
    userKey: people.map((person) => person.registration().userKey),
  };
}
