import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startScratchCluster } from '../../scripts/load/scratch-cluster.ts';
import { apiUrl } from '../../src/cli/local-cluster/layout.ts';
import { toBase64Url } from '../../src/protocol/base64url.ts';
import { ApiPerson, nextTxnId } from '../../src/testing/api-person.ts';
import { makeTestBlob } from '../../src/testing/blobs/test-blob.ts';
import { CHATD } from '../support.ts';
import type { ScratchCluster } from '../../scripts/load/scratch-cluster.ts';
import type { AccountId, RoomId, TxnId } from '../../src/protocol/ids.ts';
import type { RoomDetailJson } from '../../src/protocol/http/schemas.ts';
import type { TestBlob } from '../../src/testing/blobs/test-blob.ts';

/** Three real nodes and the people on them. All that one case does goes through one node, the next one's through another. */
export class Stage {
  readonly cluster: ScratchCluster;
  readonly urls: readonly string[];
  readonly adminToken: string;
  /** Owner of what is made; an ordinary account. */
  readonly ada: ApiPerson;
  /** Whom ada meets. */
  readonly bob: ApiPerson;
  /** Who is in no room of theirs. */
  readonly carl: ApiPerson;
  /** An admin of the server. */
  readonly root: ApiPerson;
  url: string;
  #names = 0;

  private constructor(cluster: ScratchCluster, people: readonly ApiPerson[]) {
    this.cluster = cluster;
    this.urls = cluster.layout.nodes.map(apiUrl);
    this.url = this.urls[0]!;
    this.adminToken = readFileSync(join(cluster.layout.nodes[0]!.dataDir, 'admin.token'), 'utf8').trim();
    [this.ada, this.bob, this.carl, this.root] = people as [ApiPerson, ApiPerson, ApiPerson, ApiPerson];
  }

  static async open(): Promise<Stage> {
    const cluster = await startScratchCluster({ nodes: 3, restart: false, say: () => {}, chatdFile: CHATD });
    const [url] = cluster.layout.nodes.map(apiUrl);
    const people: ApiPerson[] = [];
    for (const name of ['ada', 'bob', 'carl', 'root']) people.push(await ApiPerson.join(url!, name));
    const stage = new Stage(cluster, people);
    await stage.asAdmin('PUT', '/v1/admin/admins/root', { txnId: nextTxnId() });
    return stage;
  }

  close(): Promise<void> {
    return this.cluster.close();
  }

  /** From now on everybody talks to this node. */
  moveTo(url: string): void {
    this.url = url;
    for (const person of [this.ada, this.bob, this.carl, this.root]) person.url = url;
  }

  async asAdmin<T = object>(method: string, path: string, json?: object): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.adminToken}`, 'content-type': 'application/json' },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    const body = (await response.json()) as T;
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(body)}`);
    return body;
  }

  /** What a case needs to be there. @throws when it is refused */
  async needs<T = object>(who: ApiPerson, method: string, path: string, json?: object): Promise<T> {
    const { status, body } = await who.call<T>(method, path, json);
    if (status !== 200) throw new Error(`${method} ${path}: ${JSON.stringify(body)}`);
    return body;
  }

  /** Somebody new. */
  newcomer(): Promise<ApiPerson> {
    return ApiPerson.join(this.url, this.freshName());
  }

  freshName(): string {
    this.#names += 1;
    return `person-${this.#names}`;
  }

  /** A group of ada's. */
  group(...members: readonly ApiPerson[]): Promise<RoomId> {
    return this.ada.createRoom(
      'group',
      members.map(({ account }): AccountId => account),
    );
  }

  /** A message of ada's, the first of a room. */
  async message(room: RoomId): Promise<{ readonly roster: RoomDetailJson; readonly txnId: TxnId }> {
    const roster = await this.ada.room(room);
    const txnId = nextTxnId();
    await this.ada.send(roster, 'hello', txnId);
    return { roster, txnId };
  }

  /** A device of ada's that asks to be enrolled. */
  async askingDevice(): Promise<ApiPerson> {
    const device = new ApiPerson(this.url, 'ada', { user: this.ada.user });
    await this.needs(device, 'POST', '/v1/accounts/ada/device-requests', this.deviceRequest(device));
    return device;
  }

  deviceRequest(device: ApiPerson): object {
    const { signature: _unsigned, ...keys } = device.deviceRecord();
    return { ...keys, txnId: nextTxnId() };
  }

  approval(device: ApiPerson): object {
    return { record: device.deviceRecord(), sealedUserKey: 'AAAA', txnId: nextTxnId() };
  }

  blobBegin({ bytes, hashes }: TestBlob): object {
    return { sizeBytes: bytes.length, hashes: toBase64Url(hashes), txnId: nextTxnId() };
  }

  /** A file of ada's that waits for its bytes. */
  async begunBlob(): Promise<TestBlob> {
    const blob = makeTestBlob(BLOB_BYTES);
    await this.needs(this.ada, 'PUT', `/v1/blobs/${blob.blob}`, this.blobBegin(blob));
    return blob;
  }

  async sentBlob(): Promise<TestBlob> {
    const blob = await this.begunBlob();
    const response = await fetch(`${this.url}/v1/blobs/${blob.blob}/chunks/0`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${this.ada.token}`, 'content-type': 'application/octet-stream' },
      body: Uint8Array.from(blob.chunks[0]!),
    });
    if (!response.ok) throw new Error(`chunk: ${await response.text()}`);
    return blob;
  }

  /** One that a message in a room refers to. */
  async storedBlob(room: RoomId): Promise<TestBlob> {
    const blob = await this.sentBlob();
    await this.needs(this.ada, 'POST', `/v1/blobs/${blob.blob}/commit`);
    const txnId = nextTxnId();
    const roster = await this.ada.room(room);
    const envelope = this.ada.seal(roster, txnId, 'a file', undefined, { blobs: [blob.blob] });
    await this.needs(this.ada, 'PUT', `/v1/rooms/${room}/messages/${txnId}`, { envelope });
    return blob;
  }
}

const BLOB_BYTES = 10_000;
